"""The service may die at any moment: runs go on, nothing is lost, nothing starts twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from service_fixture import ServiceFixture, ended, gone

from trainshed.client.embedded import connect, running

WAITS_FOR_FILE = """
import os, sys, time
open(sys.argv[1] + "/starts", "a").write("started\\n")
print("up", flush=True)
while not os.path.exists(sys.argv[1] + "/go"):
    time.sleep(0.02)
print("done")
"""


def test_run_outlives_service_and_is_found_again(fixture: ServiceFixture, tmp_path: Path) -> None:
    run_id = fixture.submit(WAITS_FOR_FILE, arguments=[str(tmp_path)])
    fixture.log_until(run_id, "up")
    before = fixture.shim(run_id)
    fixture.kill_service()
    assert fixture.service.call("GET", f"/runs/{run_id}")["status"] == "Running"
    assert fixture.shim(run_id) == before
    (tmp_path / "go").touch()
    record = fixture.wait(run_id)
    assert record["status"] == "Completed"
    assert fixture.log(run_id) == "up\ndone\n"
    assert (tmp_path / "starts").read_text() == "started\n"


def test_run_that_ended_while_nobody_looked_is_collected(fixture: ServiceFixture, tmp_path: Path) -> None:
    script = WAITS_FOR_FILE + "from trainshed import Run\nRun.get_context().log('late', 7)\nsys.exit(5)\n"
    run_id = fixture.submit(script, arguments=[str(tmp_path)])
    fixture.log_until(run_id, "up")
    fd = os.pidfd_open(fixture.shim(run_id)["pid"])
    fixture.kill_service()
    (tmp_path / "go").touch()
    gone(fd)
    record = fixture.wait(run_id)
    assert (record["status"], record["reason"], record["details"]["error"]["exit_code"]) == ("Failed", "exit", 5)
    assert fixture.service.call("GET", f"/runs/{run_id}/metrics")["metrics"] == {"late": 7}


def test_queue_survives(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 1})
    first = fixture.submit(WAITS_FOR_FILE, arguments=[str(tmp_path)])
    fixture.log_until(first, "up")
    waiting = [fixture.submit("print('ran')") for _ in range(3)]
    fixture.kill_service()
    assert [fixture.service.call("GET", f"/runs/{run}")["status"] for run in waiting] == ["Queued"] * 3
    (tmp_path / "go").touch()
    assert [fixture.wait(run)["status"] for run in [first, *waiting]] == ["Completed"] * 4


def test_many_kills_start_nothing_twice(fixture: ServiceFixture, tmp_path: Path) -> None:
    script = "import sys, os; open(sys.argv[1], 'a').write('x')"
    runs = []
    for number in range(12):
        marks = tmp_path / f"starts-{number}"
        runs.append((fixture.submit(script, arguments=[str(marks)]), marks))
        fixture.kill_service()  # at whatever point of the start it happens to be
    for run_id, marks in runs:
        assert fixture.wait(run_id)["status"] == "Completed"
        assert marks.read_text() == "x"


def test_two_clients_starting_the_service_get_one(fixture: ServiceFixture) -> None:
    fixture.kill_service()
    ask = (
        "import sys; from trainshed.client.embedded import connect; "
        "print(connect(sys.argv[1]).call('GET', '/service')['pid'])"
    )
    clients = [
        subprocess.Popen([sys.executable, "-c", ask, str(fixture.root)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert len({client.communicate()[0].strip() for client in clients}) == 1


def test_second_service_on_a_workspace_refuses(fixture: ServiceFixture) -> None:
    fixture.service_pid()
    second = subprocess.run(
        [sys.executable, "-m", "trainshed.service.main", str(fixture.root)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 4


def test_idle_service_leaves_and_the_next_call_brings_it_back(
    fixture: ServiceFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture.kill_service()
    monkeypatch.setenv("TRAINSHED_IDLE_SECONDS", "0.2")
    service = connect(str(fixture.root))
    pid = service.call("GET", "/service")["pid"]
    gone(os.pidfd_open(pid))
    assert running(str(fixture.root)) is None
    assert not (fixture.root / "service.json").exists()
    assert service.call("GET", "/service")["pid"] != pid


def test_service_does_not_leave_while_something_runs(
    fixture: ServiceFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture.kill_service()
    monkeypatch.setenv("TRAINSHED_IDLE_SECONDS", "0.6")
    run_id = fixture.submit(WAITS_FOR_FILE, arguments=[str(tmp_path)])
    fixture.log_until(run_id, "up")
    service = os.pidfd_open(fixture.service_pid())
    assert not ended(service, within=2)  # nobody calls, and something runs
    (tmp_path / "go").touch()
    gone(service)  # nobody calls, and nothing runs
    assert fixture.wait(run_id)["status"] == "Completed"


def test_sigterm_leaves_runs_running(fixture: ServiceFixture, tmp_path: Path) -> None:
    run_id = fixture.submit(WAITS_FOR_FILE, arguments=[str(tmp_path)])
    fixture.log_until(run_id, "up")
    pid = fixture.service_pid()
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    gone(fd)
    assert fixture.alive(run_id)
    (tmp_path / "go").touch()
    assert fixture.wait(run_id)["status"] == "Completed"


def test_fifty_submits_at_once(fixture: ServiceFixture) -> None:
    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(lambda _: ServiceFixture.submit(fixture, "print('x')"), range(50)))
    records = [fixture.wait(run) for run in runs]
    assert {record["status"] for record in records} == {"Completed"}
    assert sorted(record["number"] for record in records) == list(range(1, 51))


def test_submit_repeated_with_its_id_is_one_run(fixture: ServiceFixture) -> None:
    spec = {"experiment": "faults", "command": ["true"], "environment": {"kind": "existing"}}
    body = {"submit_id": "0123456789abcdef", "spec": spec}
    first = fixture.service.call("POST", "/runs", body)
    fixture.kill_service()
    assert fixture.service.call("POST", "/runs", body)["id"] == first["id"]
    assert fixture.wait(first["id"])["status"] == "Completed"


def test_endpoint_file_is_for_the_owner_only(fixture: ServiceFixture) -> None:
    fixture.service_pid()
    assert (fixture.root / "service.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((fixture.root / "service.json").read_text())["token"]
