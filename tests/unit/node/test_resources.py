"""What the shim sees of the processes of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainshed.node.resources import Sampler
from trainshed.system import process

WORKS = "import sys\nx = bytearray(50_000_000)\nwhile True:\n    sys.stdin.readline() or sys.exit()\n    sum(range(3_000_000))\n    print(1, flush=True)"


@pytest.mark.skipif(not process.LINUX, reason="the table of processes is Linux's")
def test_a_run_that_works_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    sampler = Sampler(str(tmp_path))
    assert sampler.wait(None) == 2.0
    assert sampler.wait(now[0] + 1) == 1.0
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WORKS], text=True, **pipes) as script:  # type: ignore[call-overload]
        for _ in range(3):
            script.stdin.write("\n")
            script.stdin.flush()
            assert script.stdout.readline() == "1\n"
            now[0] += 2.0
            sampler.look()
            sampler.look()  # it is not time for another one
        script.stdin.close()
    events = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert len([event for event in events if event["n"] == "system: memory"]) == 3
    assert max(event["v"] for event in events if event["n"] == "system: memory") > 50e6
    assert max(event["v"] for event in events if event["n"] == "system: cpu") > 0


@pytest.mark.skipif(not process.LINUX, reason="the table of processes is Linux's")
def test_what_is_in_the_journals_place_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    os.mkfifo(tmp_path / "journal.jsonl")
    sampler = Sampler(str(tmp_path))
    now[0] += 2.0
    sampler.look()
    assert sampler.wait(None) is None
