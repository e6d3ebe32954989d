"""What the shim sees of the processes of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict

import pytest

from trainshed.node.rank_events import RankEvents
from trainshed.node.resources import FarSampler, GpuSampler, Sampler, given
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
            now[0] += 60.0  # a machine that is busy takes longer for a look, and then waits longer
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


@pytest.mark.skipif(not process.LINUX, reason="the table of processes is Linux's")
def test_what_an_agent_sees_elsewhere_is_written_by_the_shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    events = RankEvents(str(tmp_path))
    events.make()
    events.listen()
    far = FarSampler(str(tmp_path), events)
    assert (far.wait(None), far.wait(now[0] + 3)) == (None, 3.0)
    told: list[bytes] = []
    with open(events.path, "ab", buffering=0) as pipe:
        agent = Sampler("", None, "node-1", os.getpid(), told.append)
        now[0] += 2.0
        agent.look()
        pipe.write(b"seen " + told[0])
        pipe.write(b"agent 12\nseen " + b"x" * 2000 + b"\nended 3 0\n")
        events.read()
    far.look()
    far.close()
    (event,) = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
    assert (event["k"], event["n"]) == ("resource", "system: memory (node-1)")
    assert (events.agents, events.failed) == ({12}, False)
    events.close()


STAND_IN = """#!/bin/sh
# Stands in for nvidia-smi, of which there is none here.
echo "$@" >> "$0.asked"
echo "80, 1024"
echo "{second}"
"""


def answered(sampler: GpuSampler, costs: dict[int, float], now: float) -> list[tuple[str, float, float]]:
    """Wait for the answer that is on its way, and return what it says."""
    if sampler.pid:
        pid, _, used = os.wait4(sampler.pid, 0)
        costs[pid] = used.ru_utime + used.ru_stime
    return sampler.look(now)


@pytest.mark.parametrize(("second", "busy", "used"), [("40, 512", 0.6, 1536), ("[N/A], 512", 0.8, 1536)])
def test_gpus_are_asked_about_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, busy: float, used: float
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(STAND_IN.format(second=second))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    costs: dict[int, float] = {}
    sampler = GpuSampler(["1", "GPU-6a4f"], costs)
    assert sampler.look(100.0) == []  # it is asked, and not waited for
    told = {name: value for name, _, value in answered(sampler, costs, 102.0)}
    assert told == {"gpu": pytest.approx(busy), "gpu memory": used * 1024 * 1024}
    assert sampler.look(100.5) == []
    assert not sampler.pid  # too early for another
    sampler.look(1e6)
    assert sampler.pid
    sampler.close()
    asked = (tmp_path / "nvidia-smi.asked").read_text().splitlines()
    wanted = "--query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -i 1,GPU-6a4f"
    assert asked[0] == wanted


def test_where_no_gpu_can_be_asked_about_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = GpuSampler(["0"], {})
    for now in (1.0, 2.0, 1e6):
        assert missing.look(now) == []
        assert not missing.pid
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho No devices were found\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    costs: dict[int, float] = {}
    silent = GpuSampler(["0"], costs)
    silent.look(1.0)
    assert answered(silent, costs, 3.0) == []
    silent.look(1e6)
    assert not silent.pid
    odd = GpuSampler(["0;reboot", "-r", "$(x)"], {})
    odd.look(1.0)
    assert not odd.pid


def test_a_driver_that_hangs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    class Recycled(Dict[int, float]):
        """Knows, of each id, what an earlier process with it cost."""

        def pop(self, pid: int, default: object = None) -> Any:
            return self.setdefault(pid, 1.0) if pid not in self else default

    sampler = GpuSampler(["0"], Recycled())
    sampler.look(1.0)
    pid = sampler.pid
    assert sampler.look(3.0) == []
    sampler.look(70.0)
    assert not sampler.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    sampler.look(1e6)
    assert not sampler.pid


def test_the_gpus_of_a_run_are_those_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    assert given(False, {"gpus": [["0"]]}, None) == []
    assert given(True, {"gpus": [["0", "1"], ["2"]]}, None) == ["0", "1", "2"]
    assert given(True, {"gpus": [["0", "1"], ["2"]]}, 1) == ["2"]
    assert given(True, {"gpus": None}, None) == ["4", "5"]  # of a job of a cluster
