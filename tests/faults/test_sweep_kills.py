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
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from service_fixture import ServiceFixture, gone

from trainshed.errors import ServiceException
from trainshed.spec.sweep import PolicySpec, SweepSpec
from trainshed.store.database import Database

KILLS = int(os.environ.get("TRAINSHED_TEST_SWEEP_KILLS", "8"))
TRIALS = int(os.environ.get("TRAINSHED_TEST_SWEEP_TRIALS", "10"))
AT_ONCE = 8
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
if score < 0.3 and "wait" in sys.argv:
    signal.pause()  # until the policy stops it, as it does none of the others
time.sleep(0.1)
"""
SPACE = '{"--alpha": ["uniform", [0.0, 1.0]]}'
SWEEP = SweepSpec("random", SPACE, "score", True, TRIALS, 1, seed=SEED, max_retries=100)


@pytest.fixture
def fixture(shared_fixture: ServiceFixture) -> ServiceFixture:
    """One workspace for all tests: its service is killed, and nothing of one sweep concerns another."""
    return shared_fixture


def begin(fixture: ServiceFixture, sweep: SweepSpec, starts: Path, *arguments: str) -> str:
    """Begin a sweep; return its id."""
    return fixture.submit(SCRIPT, sweep, arguments=[str(starts), *arguments])


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
    """Kill services, shims and clients until the sweep has ended."""
    killed: Counter[str] = Counter()
    clients: list[subprocess.Popen[bytes]] = []
    while True:
        with contextlib.suppress(ServiceException):
            record = fixture.service.call("GET", f"/runs/{sweep}/wait", query={"timeout": 0})
            if record["status"] in ("Completed", "Failed", "Canceled"):
                break
        if not any(client.poll() is None for client in clients):
            # It waits for the sweep, and starts a service where there is none.
            argv = [sys.executable, "-m", "trainshed.cli.main", "--workspace", str(fixture.root), "wait", sweep]
            clients.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(chance.uniform(0.0, 0.5))  # to a moment that nobody chose
        kind = chance.choices(("service", "shim", "client"), (6, 3, 1))[0]
        found = [each.pid for each in clients if each.poll() is None] if kind == "client" else processes(fixture, kind)
        if killed.total() < KILLS and found:
            kill(chance.choice(found))
            killed[kind] += 1
    for client in clients:
        client.wait()
    return killed


def kill(pid: int) -> None:
    """Kill a process, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        gone(fd)


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
        sweep = begin(fixture, SWEEP._replace(policy=policy), starts, "wait")
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
    fixture.service.call("PUT", "/targets/local", {"slots": AT_ONCE})
    sweep = begin(fixture, SWEEP._replace(max_concurrent_runs=AT_ONCE), tmp_path / "starts")
    killed = disturb(fixture, sweep, random.Random(SEED))
    print(f"TRAINSHED_TEST_SEED={SEED}: {AT_ONCE} at once, killed {dict(killed)}")
    assert fixture.wait(sweep)["status"] == "Completed"
    found = trials(fixture, sweep)
    assert len(found) == TRIALS
    check(fixture, sweep, found, tmp_path / "starts")
    assert most_at_once(fixture, sweep) <= AT_ONCE


@pytest.mark.timeout(300 + 10 * KILLS + 5 * TRIALS)
def test_kills_while_a_sweep_is_canceled_leave_nothing_running(fixture: ServiceFixture, tmp_path: Path) -> None:
    fixture.service.call("PUT", "/targets/local", {"slots": 4})
    sweep = begin(fixture, SWEEP._replace(max_concurrent_runs=4), tmp_path / "starts", "wait")
    chance = random.Random(SEED)
    for turn in range(KILLS // 2):
        if turn == KILLS // 4:
            fixture.service.call("POST", f"/runs/{sweep}/cancel")
        for pid in processes(fixture, "service"):
            kill(pid)
        fixture.service_pid()  # the next one is there
        time.sleep(chance.uniform(0.0, 0.4))  # to a moment that nobody chose
    assert fixture.wait(sweep)["status"] == "Canceled"
    found = trials(fixture, sweep)
    assert len(found) <= TRIALS
    check(fixture, sweep, found, tmp_path / "starts")
    assert most_at_once(fixture, sweep) <= 4


def most_at_once(fixture: ServiceFixture, sweep: str) -> int:
    now, most = 0, 0
    for _, change in sorted(moments(fixture, sweep)):
        now += change
        most = max(most, now)
    return most


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
