"""Machines that cannot be used: one sentence that says what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from rigs import Make, Rig

OLD = sorted(Path("~/.pyenv/versions").expanduser().glob("3.[67].*/bin/python3"))
PYTHON_38 = sorted(Path("~/.pyenv/versions").expanduser().glob("3.8.*/bin/python3"))


def error_of(rig: Rig, connect: list[str]) -> dict[str, Any]:
    """Return the error of a run on a target that is reached by ``connect``."""
    rig.put_target("other", {"kind": "remote", "connect": connect})
    record = rig.wait(rig.submit("pass", target="other"))
    assert (record["status"], record["reason"]) == ("Failed", "start_failed")
    error: dict[str, Any] = record["details"]["error"]
    assert "Traceback" not in error["message"]
    return error


def with_path(folder: Path) -> list[str]:
    """Return a command that runs a shell command line here, with other programs."""
    return ["env", f"PATH={folder}", "/bin/sh", "-c"]


@pytest.mark.skipif(not OLD, reason="no Python 3.6 or 3.7 in ~/.pyenv/versions")
def test_a_python_that_is_too_old(make: Make, tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(OLD[0])
    message = error_of(make("local"), with_path(tmp_path))["message"]
    assert message.startswith("Machine 'other' cannot be used: its python3 is 3.")
    assert message.endswith("Install Python 3.8 or later there, or name an archive with one (setting archive).")


def test_a_python_that_is_missing(make: Make, tmp_path: Path) -> None:
    message = error_of(make("local"), with_path(tmp_path))["message"]
    assert message.startswith(
        "Machine 'other' cannot be used: it has no python3, and none can be brought there: it is "
    )
    assert message.endswith("Install Python 3.8 or later there, or name an archive with one (setting archive).")


def test_a_command_that_is_not_there(make: Make) -> None:
    message = error_of(make("local"), ["/no/such/ssh", "host"])["message"]
    assert (
        message
        == "Machine 'other' cannot be used: /no/such/ssh cannot be run on this machine: No such file or directory."
    )


def test_a_home_that_cannot_be_written(make: Make) -> None:
    rig = make()
    os.chown(rig.far.home, 0, 0)  # type: ignore[union-attr]
    record = rig.wait(rig.submit("pass"))
    assert record["status"] == "Failed"
    message = record["details"]["error"]["message"]
    assert (
        "Trainshed's folder on that machine cannot be written: [Errno 13] Permission denied: '/mnt/home/.trainshed'"
        in message
    )


@pytest.mark.parametrize("size", ["8k", "3m"])
def test_a_disk_that_is_full(make: Make, size: str) -> None:
    """Too small for the node part, or for what the run brings."""
    rig = make()
    assert rig.far
    rig.far.mount(f"-osize={size},mode=777", "-ttmpfs", "tmpfs", "/mnt/home")
    project = rig.projects / "large"
    project.mkdir()
    (project / "weights.bin").write_bytes(os.urandom(4 << 20))
    from trainshed.client.send import send
    from trainshed.client.source import take

    snapshot = send(take(str(project)), rig.service)
    record = rig.wait(rig.submit("pass", snapshot=snapshot))
    assert record["status"] == "Failed"
    assert "No space left on device" in record["details"]["error"]["message"]


@pytest.mark.skipif(not PYTHON_38, reason="no Python 3.8 in ~/.pyenv/versions")
def test_the_oldest_python_that_will_do(make: Make, tmp_path: Path) -> None:
    """The agent and the shim as plain processes of Python 3.8, in another home on this machine."""
    rig = make("local")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(PYTHON_38[-1])
    connect = ["env", "-u", "TRAINSHED_HOME", f"HOME={tmp_path}", f"PATH={tmp_path / 'bin'}:{os.defpath}", "sh", "-c"]
    rig.put_target("old", {"kind": "remote", "connect": connect, "slots": 2})
    python = {"kind": "existing", "interpreter": str(PYTHON_38[-1])}
    script = (
        "import sys\nfrom trainshed import Run\nprint(sys.version_info[:2])\nRun.get_context().log('m', 1.5)\n"
        "open('outputs/a', 'w').write('a')"
    )
    run_id = rig.completed(script, target="old", environment=python)
    assert rig.log(run_id) == "(3, 8)\n"
    assert rig.metrics(run_id) == {"m": 1.5}
    assert rig.read(run_id, "outputs/a") == b"a"
    run_id = rig.submit("import time\nprint('up', flush=True)\ntime.sleep(600)", target="old", environment=python)
    rig.log_until(run_id, "up")
    rig.service.call("POST", f"/runs/{run_id}/cancel")
    assert rig.wait(run_id)["status"] == "Canceled"


def test_what_a_shell_prints_as_it_starts_does_not_matter(make: Make) -> None:
    rig = make()
    assert rig.far
    rig.put_target(
        "talking", {"kind": "remote", "connect": ["sh", "-c", 'echo Welcome; exec "$@"', "x", *rig.far.connect()]}
    )
    rig.completed("print('x')", target="talking")


def test_cleaning_removes_the_run_from_its_machine_and_nothing_else(make: Make) -> None:
    rig = make()
    kept, gone = (rig.completed("open('outputs/a', 'w').write('a')") for _ in range(2))
    before = {path.name for path in rig.workspace_there.iterdir()}
    rig.service.call("POST", f"/runs/{gone}/clean")
    assert not rig.run_there(gone).exists()
    assert rig.run_there(kept).exists()
    assert {path.name for path in rig.workspace_there.iterdir()} == before
    assert rig.read(gone, "outputs/a") == b"a"


def test_gpus_of_the_machine_are_given_out_one_by_one(make: Make) -> None:
    rig = make("isolated", {"slots": 3}, ("TRAINSHED_FAKE_GPUS=0,1",))
    script = "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'], flush=True)\nimport time\ntime.sleep(600)"
    runs = [rig.submit(script, use_gpu=True) for _ in range(3)]
    seen = {rig.log_until(run_id, "\n").strip() for run_id in runs[:2]}
    assert seen == {"0", "1"}
    assert rig.service.call("GET", f"/runs/{runs[2]}")["status"] == "Queued"
    rig.service.call("POST", f"/runs/{runs[0]}/cancel")
    assert rig.log_until(runs[2], "\n").strip() in seen


def test_nothing_is_left_on_a_machine_but_its_runs(make: Make) -> None:
    rig = make()
    assert rig.far
    rig.completed("print('x')")
    rig.service.call("POST", "/service/stop")
    while rig.far.agents():
        pass
