"""A sweep whose service, shims and clients are killed at random moments ends as the one that nobody disturbed.

``TRAINSHED_TEST_SWEEP_KILLS=100`` and ``TRAINSHED_TEST_SWEEP_TRIALS=200`` make more of it than every day,
``TRAINSHED_TEST_SEED`` another one.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from service_fixture import THIS_PYTHON, ServiceFixture, gone

from trainshed.client.send import send
from trainshed.client.source import take
from trainshed.errors import ServiceException
from trainshed.spec.record import to_json
from trainshed.spec.sweep import PolicySpec, SweepSpec
from trainshed.store.database import Database

KILLS = int(os.environ.get("TRAINSHED_TEST_SWEEP_KILLS", "12"))
TRIALS = int(os.environ.get("TRAINSHED_TEST_SWEEP_TRIALS", "20"))
SEED = int(os.environ.get("TRAINSHED_TEST_SEED", "12"))

SCRIPT = """
import signal, sys, time
from trainshed import Run
with open(sys.argv[1], "a") as file:
    file.write(Run.get_context().id + "\\n")
alpha = float(sys.argv[sys.argv.index("--alpha") + 1])
run = Run.get_context()
first = run.id.partition("_attempt_")[0].endswith("_0")
score = 1.5 if first else alpha if alpha < 0.3 else 1 + alpha
for value in (score / 2, score):
    run.log("score", value)
if score < 0.3:
    signal.pause()  # until the policy stops it, as it does none of the others
time.sleep(0.1)
"""
SPACE = '{"--alpha": ["uniform", [0.0, 1.0]]}'
SWEEP = SweepSpec("random", SPACE, "score", True, TRIALS, 1, seed=SEED, max_retries=100)


def begin(fixture: ServiceFixture, sweep: SweepSpec, starts: Path) -> str:
    """Begin a sweep; return its id."""
    project = fixture.projects / sweep.sampling
    project.mkdir(exist_ok=True)
    (project / "train.py").write_text(SCRIPT)
    trial = {
        "experiment": "faults",
        "script": "train.py",
        "snapshot": send(take(str(project)), fixture.service),
        "environment": THIS_PYTHON,
        "arguments": [str(starts)],
        "grace_seconds": 2.0,
    }
    body = {"submit_id": os.urandom(8).hex(), "spec": trial, "sweep": to_json(sweep)}
    return str(fixture.service.call("POST", "/sweeps", body)["id"])


def trials(fixture: ServiceFixture, sweep: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fixture.service.call("GET", f"/runs/{sweep}/sweep")["trials"]
    return found


def processes(fixture: ServiceFixture, kind: str) -> list[int]:
    """Return the living services, or shims that run a script."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            place = f"{os.readlink(f'/proc/{pid}/cwd')}/"
        except OSError:
            continue
        if kind == "service" and b"trainshed.service.main" in argv and str(fixture.root).encode() in argv:
            found.append(pid)
        runs = f"{fixture.root}/runs/"
        if kind == "shim" and place.startswith(runs) and any(arg.endswith(b"/node/shim.py") for arg in argv):
            found.append(pid)
    return found


def disturb(fixture: ServiceFixture, sweep: str, chance: random.Random) -> Counter[str]:
    """Kill services and shims until the sweep has ended."""
    killed: Counter[str] = Counter()
    while True:
        with contextlib.suppress(ServiceException):
            record = fixture.service.call("GET", f"/runs/{sweep}/wait", query={"timeout": 0})
            if record["status"] in ("Completed", "Failed", "Canceled"):
                return killed
        time.sleep(chance.uniform(0.0, 0.5))  # to a moment that nobody chose
        kind = "service" if chance.random() < 0.7 else "shim"
        if killed.total() < KILLS and (found := processes(fixture, kind)):
            with contextlib.suppress(ProcessLookupError):
                fd = os.pidfd_open(chance.choice(found))
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                gone(fd)
                killed[kind] += 1


def outcome(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what must be the same of an undisturbed sweep and a disturbed one."""
    best = max(found, key=lambda trial: (trial["best"] or 0, -trial["number"]))
    return {
        "parameters": [trial["parameters"] for trial in found],
        "best": (best["number"], best["best"]),
        "stopped": {trial["number"]: trial["stopped_at"] for trial in found if trial["stopped_at"] is not None},
    }


@pytest.mark.timeout(300 + 10 * KILLS + 5 * TRIALS)
def test_kills_change_nothing_of_a_sweep(fixture: ServiceFixture, tmp_path: Path) -> None:
    policy = PolicySpec("bandit", evaluation_interval=2, slack_amount=1.0)
    ends = []
    for name in ("undisturbed", "disturbed"):
        starts = tmp_path / name
        sweep = begin(fixture, SWEEP._replace(policy=policy), starts)
        killed = disturb(fixture, sweep, random.Random(SEED)) if name == "disturbed" else Counter()
        assert fixture.wait(sweep)["status"] == "Completed"
        found = trials(fixture, sweep)
        ends.append(outcome(found))
        check(fixture, sweep, found, starts)
        print(f"TRAINSHED_TEST_SEED={SEED}: {name}, killed {dict(killed)}")
    assert ends[0] == ends[1]
    assert ends[0]["stopped"]


@pytest.mark.timeout(300 + 10 * KILLS + 5 * TRIALS)
def test_kills_of_a_sweep_with_many_at_once_lose_and_double_nothing(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 4})
    sweep = begin(fixture, SWEEP._replace(max_concurrent_runs=4), tmp_path / "starts")
    cancelled = random.Random(SEED)
    disturb_and_cancel_waiting(fixture, sweep, cancelled)
    assert fixture.wait(sweep)["status"] == "Canceled"
    found = trials(fixture, sweep)
    assert len(found) <= TRIALS
    check(fixture, sweep, found, tmp_path / "starts")
    events = sorted(moments(fixture, sweep))
    now = 0
    for _, change in events:
        now += change
        assert now <= 4


def disturb_and_cancel_waiting(fixture: ServiceFixture, sweep: str, chance: random.Random) -> None:
    """Kill while trials begin; then, as scripts with a small alpha wait for ever, cancel, and kill while they end."""
    for turn in range(KILLS):
        if turn == KILLS // 2:
            fixture.service.call("POST", f"/runs/{sweep}/cancel")
        for pid in processes(fixture, "service"):
            with contextlib.suppress(ProcessLookupError):
                fd = os.pidfd_open(pid)
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                gone(fd)
        fixture.service_pid()  # the next one is there
        time.sleep(chance.uniform(0.0, 0.4))  # to a moment that nobody chose


def moments(fixture: ServiceFixture, sweep: str) -> list[tuple[float, int]]:
    """Return when runs of a sweep were begun and had ended: ``(time, 1 or -1)``."""
    found = []
    for run in fixture.service.call("GET", "/runs", query={"parent": sweep, "limit": 1000})["runs"]:
        events = fixture.service.call("GET", f"/runs/{run['id']}/events")["events"]
        found += [(events[0]["time"], 1), (events[-1]["time"], -1)]
    return found


def check(fixture: ServiceFixture, sweep: str, found: list[dict[str, Any]], starts: Path) -> None:
    """See that nothing was lost, doubled or left behind."""
    record = fixture.service.call("GET", f"/runs/{sweep}")
    assert [trial["number"] for trial in found] == list(range(len(found)))
    for trial in found:
        # One whose supervisor is killed while it ends has failed, which is true, and is not repeated.
        assert trial["status"] == "Completed" or trial["stopped_at"] or record["status"] == "Canceled", trial
        assert trial["status"] != "Completed" or not trial["stopped_at"], trial
    runs = fixture.service.call("GET", "/runs", query={"parent": sweep, "limit": 1000})["runs"]
    assert len(runs) == sum(trial["attempt"] for trial in found)
    assert all(run["status"] in ("Completed", "Canceled", "Failed") for run in runs)
    given = {json.dumps(trial["parameters"]) for trial in found}
    assert len(given) == len(found)
    begun = Counter(starts.read_text().split()) if starts.exists() else Counter()
    assert max(begun.values(), default=1) == 1, "started twice"
    for run in runs:
        assert fixture.alive(run["id"]) == set(), "left running"
    assert Database(fixture.root / "history.db").check() == []
