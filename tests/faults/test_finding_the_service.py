"""Whatever has happened to the files by which a service is found, a client ends with a service or a true sentence."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from impostor import impostor
from other_user import USER, python
from service_fixture import ServiceFixture, gone

from trainshed.client import launching, starting
from trainshed.client.embedded import connect, running
from trainshed.client.stopping import stop
from trainshed.errors import ServiceException, TrainshedError, WorkspaceException


def pid_of(root: Path) -> int:
    connection = connect(str(root))
    pid = int(connection.call("GET", "/service")["pid"])
    connection.close()
    return pid


def kill_for_good(fixture: ServiceFixture) -> None:
    """Kill the service and remove its socket, which the next does not find if the endpoint file is changed."""
    path = Path(json.loads((fixture.root / "service.json").read_text())["socket"])
    fixture.kill_service()
    path.unlink()
    if path.parent != fixture.root:
        path.parent.rmdir()


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "kept").touch()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": replaced(lambda path: None),
    "empty": lambda path: path.write_text(""),
    "half": lambda path: path.write_text(path.read_text()[:20]),
    "something else": lambda path: path.write_text("[]"),
    "a folder": replaced(a_folder),
    "a link": replaced(lambda path: path.symlink_to("/etc/passwd")),
    "a link to nowhere": replaced(lambda path: path.symlink_to("nowhere")),
    "a pipe": replaced(os.mkfifo),
    "another token": lambda path: rewrite(path, token="wrong"),
    "a dead pid": lambda path: rewrite(path, pid=2**22 + 1),
    "a reused pid and no socket": lambda path: rewrite(path, pid=os.getpid(), socket="/nowhere"),
    "a port of nobody": lambda path: rewrite(path, port=1, socket=None),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_living_service_is_found_though_its_endpoint_file_is(fixture: ServiceFixture, what: str) -> None:
    pid = fixture.service_pid()
    DAMAGES[what](fixture.root / "service.json")
    assert pid_of(fixture.root) == pid
    assert running(str(fixture.root)) is not None


@pytest.mark.parametrize("what", DAMAGES)
def test_a_service_starts_though_what_is_left_of_another_is(fixture: ServiceFixture, what: str) -> None:
    pid = fixture.service_pid()
    kill_for_good(fixture)
    DAMAGES[what](fixture.root / "service.json")
    assert running(str(fixture.root)) is None
    assert pid_of(fixture.root) != pid


def test_a_client_that_cannot_see_the_socket_has_the_service_prove_itself(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    rewrite(fixture.root / "service.json", socket="/nowhere/service.sock")
    assert pid_of(fixture.root) == pid
    assert json.loads((fixture.root / "service.json").read_text())["socket"] == "/nowhere/service.sock"


def test_a_client_goes_on_though_another_has_started_the_next_service(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    other = connect(str(fixture.root))
    fixture.kill_service()
    for connection in (other, fixture.service):
        assert connection.call("GET", "/service")["pid"] != pid
    other.close()


def test_a_service_is_stopped_though_its_endpoint_file_is_lost(fixture: ServiceFixture) -> None:
    fd = os.pidfd_open(fixture.service_pid())
    (fixture.root / "service.json").unlink()
    assert stop(str(fixture.root))
    gone(fd)
    assert not stop(str(fixture.root))


def test_a_stopped_service_is_woken(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    os.kill(pid, signal.SIGSTOP)
    (fixture.root / "service.json").unlink()
    assert pid_of(fixture.root) == pid


@pytest.mark.parametrize("name", ["start.lock", "service.lock"])
def test_a_lock_that_is_no_file_is_one_sentence(fixture: ServiceFixture, name: str) -> None:
    assert stop(str(fixture.root)) or True
    (fixture.root / name).unlink(missing_ok=True)
    (fixture.root / name).mkdir()
    with pytest.raises(WorkspaceException, match=rf"{name} .*Remove it, and try again"):
        connect(str(fixture.root))
    (fixture.root / name).rmdir()
    assert pid_of(fixture.root)


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another process that holds a lock and does nothing."""
    code = (
        "import fcntl, os, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, 2); "
        "file.write(str(os.getpid())); file.flush(); print(flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGSTOP)
        yield holder.pid
        os.kill(holder.pid, signal.SIGCONT)
        holder.communicate()


def test_a_stopped_client_does_not_keep_others_from_starting_the_service(
    fixture: ServiceFixture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fixture.kill_service()
    monkeypatch.setattr(starting, "_TURN_SECONDS", 0.2)
    monkeypatch.setattr(starting, "_NOTICE_SECONDS", 0.0)
    told: list[str] = []
    monkeypatch.setattr(starting, "warn", told.append)
    with held(fixture.root / "start.lock") as pid:
        assert pid_of(fixture.root)
    assert told == [f"Waiting for process {pid}, which is starting the service of the workspace {fixture.root}."]


def test_a_client_that_waits_goes_on_as_soon_as_there_is_a_service(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    with held(fixture.root / "start.lock"):
        assert starting.started(str(fixture.root))["pid"] == pid


def test_a_service_that_never_answers_is_one_sentence(fixture: ServiceFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    fixture.kill_service()
    monkeypatch.setattr(starting, "_SILENCE_SECONDS", 0.2)
    with held(fixture.root / "service.lock") as pid:
        for ask in (pid_of, lambda root: running(str(root)), lambda root: stop(str(root))):
            with pytest.raises(
                ServiceException, match=rf"served by process {pid}, which does not answer; .*'kill -9 {pid}'"
            ):
                ask(fixture.root)
    assert pid_of(fixture.root)


def test_two_starts_at_once_both_say_what_is_wrong(fixture: ServiceFixture) -> None:
    fixture.service_pid()
    assert stop(str(fixture.root))
    history = fixture.root / "history.db"
    content = history.read_bytes()
    history.write_bytes(b"no database" * 1000)

    def said(_: int) -> str:
        with pytest.raises(TrainshedError) as caught:
            connect(str(fixture.root)).call("GET", "/runs")
        return str(caught.value)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(said, range(2)))
    for each in both:
        assert "history.db" in each
        assert "60 s" not in each
    history.write_bytes(content)


def test_a_service_of_another_build_is_left_alone(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    version = json.loads((fixture.root / "service.json").read_text())["version"]
    rewrite(fixture.root / "service.json", version=f"{version}rc1")
    assert pid_of(fixture.root) == pid


def test_an_older_service_that_has_no_socket_is_one_sentence(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    with impostor(fixture.projects) as other:
        rewrite(fixture.root / "service.json", version="0.1.0", socket=None, port=other.port)
        with pytest.raises(ServiceException, match=rf"process {pid}, which is Trainshed 0\.1\.0, .*'kill -9 {pid}'"):
            connect(str(fixture.root))
        assert "Bearer" not in other.heard
    (fixture.root / "service.json").unlink()


def test_a_client_goes_on_though_the_service_is_killed_twice(
    fixture: ServiceFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture.kill_service()
    starts: list[int] = []

    def launched(root: str) -> bool:
        if launching.launch(root) and len(starts) < 2:
            pid = json.loads((Path(root) / "service.json").read_text())["pid"]
            fd = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            gone(fd)
        starts.append(1)
        return True

    monkeypatch.setattr(starting, "launch", launched)
    run_id = fixture.submit("print('once')")
    assert len(starts) == 3
    assert fixture.wait(run_id)["status"] == "Completed"
    assert len(fixture.service.call("GET", "/runs")["runs"]) == 1


def test_who_takes_the_place_of_a_dead_service_learns_nothing(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service_pid()
    path = fixture.root / "service.json"
    facts = json.loads(path.read_text())
    kill_for_good(fixture)
    with impostor(tmp_path, facts["port"]) as other:
        run_id = fixture.submit("print('our-secret')")
        assert fixture.wait(run_id)["status"] == "Completed"
        kill_for_good(fixture)
        path.write_text(json.dumps({**facts, "socket": None}))  # as of a service that has none
        assert [run["id"] for run in connect(str(fixture.root)).call("GET", "/runs")["runs"]] == [run_id]
        assert "GET /api/v1/identity" in other.heard
        assert facts["token"] not in other.heard
        assert "POST" not in other.heard


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a program as another user")
def test_another_user_at_the_socket_learns_nothing(fixture: ServiceFixture, tmp_path: Path) -> None:
    interpreter = python()
    if interpreter is None:
        pytest.skip("no Python of this version that another user can start")
    fixture.service_pid()
    path = fixture.root / "service.json"
    facts = json.loads(path.read_text())
    kill_for_good(fixture)
    theirs = Path("/tmp") / f"trainshed-test-{os.getpid()}"
    theirs.mkdir()
    try:
        os.chown(theirs, USER, USER)
        (tmp_path / "heard").touch()
        # As where the socket is not in the workspace folder, because its path is too long.
        path.write_text(json.dumps({**facts, "pid": os.getpid(), "socket": str(theirs / "service.sock")}))
        with impostor(theirs, path=theirs / "service.sock", user=USER, python=interpreter) as other:
            assert connect(str(fixture.root)).call("GET", "/runs")["runs"] == []
            assert set(other.heard.splitlines()) <= {"someone called"}
    finally:
        shutil.rmtree(theirs)


def test_a_lock_is_held_by_who_says_so(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    with (fixture.root / "service.lock").open() as file:
        assert int(file.read()) == pid
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
