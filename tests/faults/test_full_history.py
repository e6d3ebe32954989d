"""A disk that a script has filled: its run ends truly all the same, others wait, and nothing new is accepted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]

FILLS = """
import os, sys, time
fd = os.open("filler", os.O_WRONLY | os.O_CREAT)
size = 1 << 20
while size >= 512:
    try:
        while os.write(fd, bytes(size)):
            pass
    except OSError:
        size //= 2
open(sys.argv[3], "w").close()  # a pipe: there is no room for a line of the log
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
sys.exit(int(sys.argv[1]))
"""

SCENARIO = """
import json, os, subprocess, sys
from pathlib import Path
tests, place, code, killed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "killed"
home, script = place / "home", (place / "fills.py").read_text()
home.mkdir()
os.mkfifo(place / "full")
(place / "projects").mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "trainshed", str(home)], check=True)
os.environ["TRAINSHED_HOME"] = str(home)
sys.path.insert(0, tests)
from service_fixture import ServiceFixture
from trainshed.client.stopping import stop
from trainshed.errors import TrainshedError

root = home / "workspaces" / "test"
root.mkdir(parents=True, mode=0o700)
fixture = ServiceFixture(root, place / "projects")
reserve = root / "history.db.reserve"
told = {"reserve": reserve.stat().st_blocks * 512}
fixture.service.call("PUT", "/targets/local", {"slots": 1})
first = fixture.submit(script, arguments=[code, str(place / "go"), str(place / "full")])
waiting = fixture.submit("print('my turn')")
open(place / "full").read()
if killed:
    fixture.kill_service()
(place / "go").touch()
record = fixture.wait(first)
told["first"] = [record["status"], record["details"]["exit"]["exit_code"]]
told["given"] = reserve.stat().st_size
told["waiting"] = fixture.service.call("GET", f"/runs/{waiting}")["status"]
for refused in (lambda: fixture.submit("print('never')"),
                lambda: fixture.service.call("POST", "/runs", {"submit_id": "s", "spec": {"experiment": "e", "command": ["true"]}})):
    try:
        refused()
    except TrainshedError as error:
        told.setdefault("refused", []).append(error.message)
fixture.service.call("POST", f"/runs/{first}/clean")
told["afterwards"] = [fixture.wait(waiting)["status"], fixture.wait(fixture.submit("print('new')"))["status"]]
told["again"] = reserve.stat().st_size
told["runs"] = len(fixture.service.call("GET", "/runs")["runs"])
stop(str(root))
print(json.dumps(told))
"""


def why_not() -> str:
    """Return why no disk can be made here that is small; ``""`` where one can."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "a small disk takes root and unshare(1)"
    trial = subprocess.run([*SPACES, "mount", "-t", "tmpfs", "trainshed", "/mnt"], capture_output=True, check=False)
    return "" if trial.returncode == 0 else f"no disk can be mounted here: {trial.stderr.decode().strip()}"


@pytest.mark.parametrize("killed", ["", "killed"])
@pytest.mark.parametrize(("code", "end"), [("0", ["Completed", 0]), ("5", ["Failed", 5])])
def test_a_script_fills_the_disk(tmp_path: Path, code: str, end: list[object], killed: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    (tmp_path / "fills.py").write_text(FILLS)
    scenario = [sys.executable, "-c", SCENARIO, str(Path(__file__).parent), str(tmp_path), code, killed]
    done = subprocess.run([*SPACES, *scenario], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["reserve"] >= 4 << 20  # really allocated
    assert told["first"] == end
    assert told["given"] < 4 << 20  # the history could not have been written without it
    assert told["waiting"] == "Queued"
    assert len(told["refused"]) == 2
    for sentence in told["refused"]:
        assert f"The disk of {tmp_path / 'home' / 'workspaces' / 'test'} is full" in sentence
        assert "trainshed gc" in sentence
    assert told["afterwards"] == ["Completed", "Completed"]
    assert (told["again"], told["runs"]) == (4 << 20, 3)
