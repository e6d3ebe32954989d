"""A client that was given an address and a token: what it sends arrives once, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed import Dataset, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.cli.main import main
from trainshed.client.stopping import stop
from trainshed.errors import AuthenticationException, ServiceException, UserErrorException, WorkspaceException


@pytest.fixture
def token(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the lasting token; the environment names it and the address."""
    access = workspace.connection.call("POST", "/service/access")
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(access["token"] + "\n")
    monkeypatch.setenv("TRAINSHED_TOKEN_FILE", str(path))
    monkeypatch.setenv("TRAINSHED_SERVICE", access["address"])
    return path


@pytest.fixture
def there(token: Path) -> Iterator[Workspace]:
    """The workspace as a client elsewhere has it."""
    made = Workspace.from_config()
    yield made
    made.connection.close()


def killed(workspace: Workspace) -> None:
    os.kill(workspace.connection.call("GET", "/service")["pid"], signal.SIGKILL)


def test_a_workspace_by_its_address(
    there: Workspace, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = os.environ["TRAINSHED_SERVICE"]
    assert (there.name, there.identity, there.by_address) == ("default", address, True)
    assert there == Workspace.from_service() == Workspace.get("default") == Workspace.list()["default"][0]
    assert there == Workspace.create("default", exist_ok=True)
    assert there != workspace
    there.write_config(tmp_path)
    assert Workspace.from_config(tmp_path) == there
    assert there.update(description="ours")["description"] == "ours"
    assert Workspace(path=workspace.path).get_details()["description"] == "ours"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "")  # taken back at the end
    assert there.get_mlflow_tracking_uri() == workspace.get_mlflow_tracking_uri() == address
    assert os.environ["MLFLOW_TRACKING_TOKEN"]
    with pytest.raises(WorkspaceException, match="serves workspace 'default', not 'other'"):
        Workspace.get("other")
    with pytest.raises(WorkspaceException, match="already"):
        Workspace.create("default")
    for use in (lambda: there.path, there.delete):
        with pytest.raises(WorkspaceException, match="cannot be used from here"):
            use()


def test_mistakes_are_one_sentence(there: Workspace, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = os.environ["TRAINSHED_SERVICE"]
    with pytest.raises(AuthenticationException, match="The token is missing or wrong"):
        Workspace.from_service(address, "wrong")
    token.chmod(0o644)
    with pytest.raises(AuthenticationException, match=r"can be read by others: chmod 600"):
        Workspace.from_service()
    token.unlink()
    with pytest.raises(AuthenticationException, match=r"cannot be read: .*No such file"):
        Workspace.from_service()
    monkeypatch.delenv("TRAINSHED_TOKEN_FILE")
    with pytest.raises(AuthenticationException, match="There is no token for the service at"):
        Workspace.from_service()
    monkeypatch.delenv("TRAINSHED_SERVICE")
    with pytest.raises(WorkspaceException, match="Pass the service's address"):
        Workspace.from_service()
    with pytest.raises(ServiceException, match="not of the form"):
        Workspace.from_service("ftp://nowhere", "t")


def test_it_never_starts_a_service(there: Workspace, workspace: Workspace) -> None:
    stop(str(workspace.path))
    with pytest.raises(ServiceException, match="cannot be reached"):
        Workspace.from_service()
    assert main(["runs"]) == 1
    assert not (workspace.path / "service.json").exists()
    # Who may start it finds it under the old address, with the old token.
    workspace.connection.call("GET", "/service")
    assert Workspace.from_service().name == "default"


def test_nothing_is_lost_or_stored_twice_when_the_service_is_killed(there: Workspace, workspace: Workspace) -> None:
    run = Experiment(there, "hand").start_logging(snapshot_directory=None)
    with run:
        for number in range(1000):
            run.log("value", number)
            if number == 500:
                run.flush()
                killed(workspace)
            if number == 900:
                workspace.connection.call("GET", "/service")  # which starts it again
                print("said within")
        assert run.get_metrics() == {"value": [*range(1000)]}
    assert (run.status, run.get_metrics()) == ("Completed", {"value": [*range(1000)]})
    assert b"".join(run.read("logs/user_log.txt")) == b"said within\n"


def test_bytes_are_known_by_their_offset(there: Workspace) -> None:
    run = Experiment(there, "hand").start_logging(snapshot_directory=None)
    lines = [b'{"k":"metric","n":"a","v":%d,"t":1}\n' % number for number in range(4)]

    def send(writer: str, offset: int, piece: bytes) -> int:
        query = {"writer": writer, "offset": offset}
        return int(there.connection.upload("POST", f"/runs/{run.id}/journal", piece, query=query)["offset"])

    size = len(lines[0])
    assert send("one", 0, lines[0] + lines[1][:9]) == size  # the rest of a line comes later
    assert send("one", 0, lines[0] + lines[1]) == 2 * size
    assert send("one", 0, lines[0] + lines[1]) == 2 * size
    assert send("one", 3 * size, lines[3]) == 2 * size  # a gap is told, not filled
    assert send("two", 0, lines[2]) == size
    assert run.get_metrics() == {"a": [0, 1, 2]}
    with pytest.raises(UserErrorException, match="'writer' is 'a/b'"):
        send("a/b", 0, b"")
    run.complete()
    assert send("one", 2 * size, lines[3]) == 3 * size
    assert run.get_metrics() == {"a": [0, 1, 2]}


def test_threads_and_forked_children_log_too(there: Workspace) -> None:
    run = Experiment(there, "hand").start_logging(snapshot_directory=None)
    run.log("before", 1)

    def log() -> None:
        for _ in range(50):
            run.log("t", 1)

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = (
        "import os, sys\nfrom trainshed import Workspace, Experiment\n"
        "run = Experiment(Workspace(), 'hand').start_logging(snapshot_directory=None)\n"
        "run.log('before', 1)\n"
        "if not os.fork():\n    [run.log('child', number) for number in range(100)]\n    sys.exit()\n"
        "os.wait()\nrun.log('after', 1)\nprint(run.id)\n"
    )
    forked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert forked.stderr == ""
    other = there.get_run(forked.stdout.strip())
    assert (other.status, other.get_metrics()) == ("Completed", {"before": 1, "child": [*range(100)], "after": 1})
    assert run.get_metrics() == {"before": 1, "t": [1] * 200}
    # Another program may log to it as well, and so may one that has only its id.
    there.get_run(run.id).log("else", 2)
    again = there.get_run(run.id)
    again.log("else", 3)
    again.flush()
    run.complete()


def test_names_of_files_are_for_the_owner_on_this_machine(there: Workspace, workspace: Workspace) -> None:
    begun = [Experiment(each, "hand").start_logging(snapshot_directory=None) for each in (there, workspace)]
    assert [run._append_to is None for run in begun] == [True, False]
    manifest = {"entries": [{"path": "a", "kind": "file", "sha256": "0" * 64, "size": 1, "mode": 0o644}]}
    answers = [each.connection.call("POST", "/snapshots", manifest) for each in (there, workspace)]
    assert [sorted(answer) for answer in answers] == [["missing"], ["missing", "write_to"]]
    for run in begun:
        run.complete()


def test_data_comes_to_a_folder_of_the_clients(there: Workspace, tmp_path: Path, home: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("first")
    store = there.get_default_datastore()
    store.upload(str(tmp_path / "data"), "texts", show_progress=False)
    files = Dataset.File.from_files((store, "texts/*.txt"))
    with files.mount() as mounted:
        link = Path(mounted.mount_point) / "a.txt"
        assert link.read_text() == "first"
        assert link.resolve().is_relative_to(home / "client")
        kept = link.resolve().stat().st_ino
    with files.mount() as mounted:
        assert (Path(mounted.mount_point) / "a.txt").resolve().stat().st_ino == kept  # not downloaded again
    (tmp_path / "data" / "a.txt").write_text("second")
    store.upload(str(tmp_path / "data"), "texts", overwrite=True, show_progress=False)
    assert main(["gc", "--dry-run", "--unused-for", "0m"]) == 0
    assert len(list((home / "client").rglob("a.txt"))) == 1
    assert main(["gc", "--unused-for", "0m"]) == 0
    assert list((home / "client").iterdir()) == []
    assert [Path(path).read_text() for path in files.download(str(tmp_path / "got"))] == ["second"]


def test_the_command_line(
    token: Path,
    workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = os.environ["TRAINSHED_SERVICE"]
    assert main(["--json", "--service", address, "service", "status"]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == address
    monkeypatch.delenv("TRAINSHED_SERVICE")
    assert main(["--json", "service", "access", "--token-file", str(tmp_path / "mine")]) == 0
    assert json.loads(capsys.readouterr().out) == {"address": address, "token_file": str(tmp_path / "mine")}
    assert (tmp_path / "mine").read_text() == token.read_text()
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o600
    assert main(["service", "access"]) == 0
    assert capsys.readouterr().out.startswith(f"export TRAINSHED_SERVICE={address}\nexport TRAINSHED_TOKEN=")
    assert main(["--service", address, "service", "stop"]) == 2
    assert "cannot be used from here" in capsys.readouterr().err


def test_a_job_reaches_the_service_by_address_and_token(
    token: Path, workspace: Workspace, project: Path, this_python: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "socket")
    with _relay(path, int(os.environ["TRAINSHED_SERVICE"].rpartition(":")[2])):
        (project / "train.py").write_text(
            "from azureml.core import Run\n"
            "run = Run.get_context()\n"
            "assert run.experiment.workspace.by_address, run.experiment.workspace\n"
            "with run.child_run('kid') as kid:\n"
            "    kid.log('k', 7)\n"
            "    assert kid.get_metrics() == {'k': 7}\n"
        )
        config = RunConfiguration()
        config.environment.python.user_managed_dependencies = True
        config.environment.python.interpreter_path = this_python
        config.environment.environment_variables |= {
            "TRAINSHED_SERVICE": f"unix:{path}",
            "TRAINSHED_TOKEN_FILE": str(token),
        }
        run = Experiment(workspace, "job").submit(ScriptRunConfig(str(project), "train.py", run_config=config))
        run.wait_for_completion()
        (kid,) = run.get_children()
        assert (kid.status, kid.get_metrics()) == ("Completed", {"k": 7})


class _relay:  # noqa: N801 - used as a statement
    """A Unix socket whose lines lead to the service, as those on other machines do."""

    def __init__(self, path: str, port: int) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._port = port

    def __enter__(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        while piece := one.recv(1 << 16):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)
