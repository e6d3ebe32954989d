"""A script that fills the disk: its end is recorded all the same, and told with its cause."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def space() -> list[str]:
    """The beginning of a command that runs in a mount name space of its own."""
    made = ["unshare", "--mount", "--propagation", "private"]
    if shutil.which("unshare") is None or subprocess.run([*made, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small file system of its own takes root and a name space of mounts")
    return made


@pytest.fixture(scope="module")
def on_full_disks(tmp_path_factory: pytest.TempPathFactory, space: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The records of ten runs for each way to end on a disk that they have filled, by that way."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "projects").mkdir()
    argv = [*space, sys.executable, str(Path(__file__).with_name("full_disk.py"))]
    done = subprocess.run(
        [*argv, str(folder / "home" / "workspaces" / "test"), str(folder / "projects"), "10"],
        env={**os.environ, "TRAINSHED_HOME": str(folder / "home"), "TRAINSHED_IDLE_SECONDS": "120"},
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, list[dict[str, Any]]] = {}
    for record in json.loads(done.stdout):
        told.setdefault(record["end"], []).append(record)
    return told


@pytest.mark.parametrize(
    ("end", "code", "number", "begins"),
    [
        ("exit 5", 5, None, "The script exited with exit code 5. The file system at "),
        ("raises", 1, None, "The script exited with exit code 1. The file system at "),
        ("signal", None, 9, "The script was ended by signal 9 (SIGKILL)."),
    ],
)
def test_a_script_that_fails_on_a_full_disk_is_told_so(
    on_full_disks: dict[str, list[dict[str, Any]]], end: str, code: int | None, number: int | None, begins: str
) -> None:
    for record in on_full_disks[end]:
        error = record["details"]["error"]
        told = (record["status"], record["reason"], error["exit_code"], error["signal"], record["details"]["witness"])
        assert told == ("Failed", "disk_full", code, number, "shim")
        assert error["message"].startswith(begins)
        assert re.search(
            r"/workspaces/test/runs \(4\.0 MB\) is full; this run holds [34]\.\d MB of it", error["message"]
        )
    assert len(on_full_disks[end]) == 10


def test_a_script_that_ends_well_on_a_full_disk_has_completed_with_a_warning(
    on_full_disks: dict[str, list[dict[str, Any]]],
) -> None:
    for record in on_full_disks["exit 0"]:
        assert (record["status"], record["reason"]) == ("Completed", "exit")
        assert any("is full" in warning["message"] for warning in record["details"]["warnings"])
    assert len(on_full_disks["exit 0"]) == 10


ON_A_FULL_DISK = """
import json, os, subprocess, sys, threading
from trainshed.node.run_state import RunState
folder, what = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder], check=True)
def fill():
    with open(os.path.join(folder, "fill"), "wb", 0) as file:
        try:
            while True: file.write(bytes(4096))
        except OSError: pass
state = RunState(folder)
if what == "claim":
    fill()
    try: state.claim()
    except OSError as error: print(error.strerror, sorted(os.listdir(folder)))
else:
    state.claim()
    if what == "gone": os.unlink(os.path.join(folder, "exit.room"))
    fill()
    told, tells = os.pipe()
    os.dup2(tells, 2)
    def frees():
        os.read(told, 100)
        os.unlink(os.path.join(folder, "fill"))
    threading.Thread(target=frees, daemon=True).start()
    if what == "short": state.enter("Running")
    state.close({"outcome": "completed", "message": "", "environment": "x" * (1 << 20 if what == "long" else 9)})
    print(sorted(json.load(open(os.path.join(folder, "exit.json")))))
"""


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("claim", "No space left on device ['exit.room', 'fill']"),
        ("short", "['environment', 'message', 'outcome', 'phase', 'time']"),
        ("long", "['message', 'outcome', 'phase', 'time']"),
        # The script has removed the room, and the disk has space again after the first attempt.
        ("gone", "['environment', 'message', 'outcome', 'phase', 'time']"),
    ],
)
def test_the_end_has_its_room_from_the_claim_on(tmp_path: Path, space: list[str], what: str, says: str) -> None:
    argv = [*space, sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), what]
    assert subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.startswith(says)
