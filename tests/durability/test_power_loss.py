"""Whenever the power fails, what was told to somebody is true when it comes back.

A submit, a start and an end are recorded with strace, and every state is made in which a power failure can leave the
disk; the code that reads a workspace says whether it is whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from operation_log import OperationLog
from power_loss import PowerLoss, State
from whole import Folder, Told, told

from trainshed.spec import layout

SEED = 20260712
STATES = int(os.environ.get("TRAINSHED_TEST_POWER_LOSSES", "16000"))
MODEL = bytes(range(256)) * 40

SCRIPT = """
import os, sys
from trainshed import Run
here = os.getcwd()
with open(sys.argv[1], "a") as file:
    file.write("begun\\n")
os.mkdir(here + "/begun")
run = Run.get_context()
run.log("loss", 0.5)
os.mkdir(here + "/outputs/deep")
with open("outputs/model.bin", "wb") as file:
    file.write(bytes(range(256)) * 40)
with open("outputs/deep/part.txt", "w") as file:
    file.write("deep")
run.upload_file("notes/a.txt", "outputs/deep/part.txt")
print("trained")
"""
FILES = {"outputs/model.bin", "outputs/deep/part.txt", "notes/a.txt", "azureml-logs/70_driver_log.txt"}

DRIVER = """
import os, sys
from pathlib import Path
from service_fixture import ServiceFixture, gone
fixture = ServiceFixture(Path(sys.argv[1]), Path(sys.argv[2]))
script = Path(sys.argv[2], "script").read_text()
pid = os.pidfd_open(fixture.service_pid())
for number in range(2):
    fixture.wait(fixture.submit(script, arguments=[sys.argv[2] + f"/begun-{number}"]))
fixture.wait(fixture.submit("raise SystemExit(3)"))
run = fixture.submit("import time; print('up', flush=True); time.sleep(600)")
fixture.log_until(run, "up")
fixture.service.call("POST", f"/runs/{run}/cancel")
fixture.wait(run)
print(*(run["id"] for run in reversed(fixture.service.call("GET", "/runs")["runs"])))
fixture.service.call("POST", "/service/stop")
gone(pid)
"""


class Recorded(NamedTuple):
    log: OperationLog
    runs: list[str]
    told: list[Told]
    begun: Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The operation log of four runs in a new workspace: two complete, one fails, one is cancelled."""
    if shutil.which("strace") is None:
        pytest.skip("power failures are played from what strace records, and strace is not installed")
    if subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here (ptrace is forbidden), so power failures cannot be played")
    above = tmp_path_factory.mktemp("power").resolve()
    root, projects = above / "home" / "workspaces" / "test", above / "projects"
    root.mkdir(parents=True, mode=0o700)
    projects.mkdir()
    (projects / "script").write_text(SCRIPT)
    log = OperationLog(root)
    environ = {
        **os.environ,
        "TRAINSHED_HOME": str(above / "home"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    printed = log.record([sys.executable, "-c", DRIVER, str(root), str(projects)], environ, above / "strace")
    runs = printed.split()
    return Recorded(log, runs, told(log, runs), projects)


def ignored(path: str) -> bool:
    """Whether nobody looks at a file after a power failure: locks, our log, and what a run began with."""
    parts = path.split("/")
    if parts[0] == "runs" and len(parts) > 3 and parts[2] == "code":
        return parts[3] not in ("outputs", "logs")
    return path in ("service.log", "service.lock", "start.lock", "history.db-shm") or path.endswith(layout.SHIM_LOG)


@pytest.fixture
def power_loss(recorded: Recorded) -> PowerLoss:
    log = recorded.log
    return PowerLoss(log, {inode for inode, path in log.paths.items() if ignored(path)}, SEED)


@pytest.fixture
def folder(recorded: Recorded) -> Iterator[Folder]:
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="trainshed-test-", dir=in_memory) as above:
        root = Path(above, "home", "workspaces", "test")
        root.mkdir(parents=True, mode=0o700)
        yield Folder(root, dict.fromkeys(recorded.runs[:2], FILES))


def test_the_log_is_what_happened(recorded: Recorded, power_loss: PowerLoss) -> None:
    """Played without a power failure, the log gives what is on the disk."""
    end = len(recorded.log.operations)
    whole = next(state for state in power_loss.states(0) if state.at == end)
    disk = {
        relative: path.read_bytes()
        for path in recorded.log.root.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not ignored(relative := str(path.relative_to(recorded.log.root)))
    }
    assert whole.files == disk
    kinds = Counter(known.what for known in recorded.told)
    assert kinds == {"accepted": 4, "begun": 2, "Completed": 2, "Failed": 1, "Canceled": 1}


def test_whenever_the_power_fails(recorded: Recorded, power_loss: PowerLoss, folder: Folder) -> None:
    broken: dict[str, State] = {}
    seen: Counter[str] = Counter()
    per_operation = STATES // len(recorded.log.operations) + 1
    count = 0
    for state in power_loss.states(per_operation):
        folder.show(state.files)
        for violation in folder.violations([known for known in recorded.told if known.at <= state.at]):
            broken.setdefault(violation, state)
            seen[violation] += 1
        count += 1
    for violation, state in broken.items():
        print(f"{seen[violation]} x {violation}\n  after {state.at}: {power_loss.lost(state)}")
    assert not broken, f"{len(broken)} kinds of violation in {count} states (seed {SEED}); see above"
    assert count >= min(STATES, 10_000)
