"""Service, shims, scripts and clients are killed at random moments: nothing is lost, doubled, changed, or left behind.

``TRAINSHED_TEST_KILLS=3000`` makes more trials than the fifty of every day, ``TRAINSHED_TEST_SEED`` others.
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

from trainshed.client.embedded import running
from trainshed.spec import layout, states
from trainshed.store.database import Database

KILLS = int(os.environ.get("TRAINSHED_TEST_KILLS", "50"))
SEED = int(os.environ.get("TRAINSHED_TEST_SEED", "12"))
VICTIMS = ("service", "shim", "script", "client")
METRIC = [i / 7 for i in range(20)]

SCRIPT = """
import os, sys, time
from trainshed import Run
starts, kind = sys.argv[1:]
run = Run.get_context()
with open(starts, "a") as file:
    file.write(run.id + "\\n")
print("up", flush=True)
for i in range(20):
    run.log("loss", i / 7)
with open("outputs/model.bin", "wb") as file:
    file.write(b"model" * 1000)
time.sleep({"plain": 0, "slow": 0.3, "cancelled": 600}[kind])
print("done")
"""
CLIENT = """
import sys
from pathlib import Path
from service_fixture import ServiceFixture
root, projects, told, starts, label, *kinds = sys.argv[1:]
script = Path(projects, "script").read_text()
with open(told, "a", buffering=1) as told:
    fixture = ServiceFixture(Path(root), Path(projects))
    for kind in kinds:
        run = fixture.submit(script, arguments=[starts, kind], tags={"label": label + kind})
        told.write(f"submitted {run} {label}{kind}\\n")
        if kind == "cancelled":
            fixture.service.call("POST", f"/runs/{run}/cancel")
            told.write(f"cancelled {run}\\n")
"""


class Trials:
    """One workspace in which trial follows trial, and what is known of its runs."""

    def __init__(self, fixture: ServiceFixture, folder: Path) -> None:
        self.fixture = fixture
        self.told, self.starts = folder / "told", folder / "starts"
        self.told.touch()
        self.starts.touch()
        (fixture.projects / "script").write_text(SCRIPT)
        self.ended: dict[str, str] = {}
        self.victims: Counter[str] = Counter()
        self.labels: list[str] = []  # of this trial, and of those whose client was killed

    def trial(self, number: int) -> None:
        """Have a client submit and cancel, kill somebody meanwhile, and check everything."""
        chance = random.Random(f"{SEED}-{number}")
        victim = chance.choice(VICTIMS)
        after = chance.uniform(0.0, 0.6 if victim in ("service", "shim") else 0.2)  # the others are done sooner
        kinds = ["plain", "slow", "cancelled"]
        chance.shuffle(kinds)
        fixture, label = self.fixture, f"{number}-"
        folders = [str(path) for path in (fixture.root, fixture.projects, self.told, self.starts)]
        started = self.starts.stat().st_size
        client = subprocess.Popen([sys.executable, "-c", CLIENT, *folders, label, *kinds], env=self._environ())
        while victim == "script" and self.starts.stat().st_size == started:
            time.sleep(0.005)  # a busy machine is slow to start one, and there would never be any to kill
        time.sleep(after)  # to a moment that nobody chose
        self.labels.append(label)
        struck = self._kill(victim, client, chance)
        assert client.wait(60) in (0, -signal.SIGKILL)
        self._check(struck)
        if client.returncode == 0:
            self.labels.remove(label)

    def check_all(self) -> None:
        """Check that the history holds every run, as it was when its end was told."""
        self._check("")
        before, found = None, {}
        while runs := self.fixture.service.call("GET", "/runs", query={"limit": 1000, "before": before})["runs"]:
            before = runs[-1]["seq"]
            found.update({run["id"]: run["status"] for run in runs})
        assert found == self.ended

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def _kill(self, victim: str, client: subprocess.Popen[bytes], chance: random.Random) -> str:
        """Kill -9 the victim, or another if there is none at this moment; return the run that it was of.

        A shim that had no run when it was looked at may have been given one before it was killed: then it is its pid.
        """
        for kind in (victim, *VICTIMS):
            if kind == "client":
                found = {} if client.poll() is not None else {client.pid: ""}
            else:
                found = self._processes(kind)
            if found:
                pid = chance.choice(sorted(found))
                with contextlib.suppress(ProcessLookupError):
                    fd = os.pidfd_open(pid)
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
                    gone(fd)
                    self.victims[kind] += 1
                return found[pid] or (str(pid) if kind == "shim" else "")
        return ""

    def _processes(self, kind: str) -> dict[int, str]:
        """Return the living processes of a kind: pid → its run, empty for a shim that has none yet."""
        found = {}
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                place = os.readlink(f"/proc/{pid}/cwd")
            except OSError:
                continue
            if not f"{place}/".startswith(f"{self.fixture.root}/"):
                continue
            below = place[len(str(self.fixture.root)) :].split("/")
            run_id = below[2] if below[1:2] == ["runs"] and len(below) > 2 else ""
            is_kind = {
                "service": b"trainshed.service.main" in argv,
                "shim": any(arg.endswith(b"/node/shim.py") for arg in argv),
                "script": argv[-2:-1] in ([b"plain"], [b"slow"], [b"cancelled"]),
            }
            if is_kind[kind]:
                found[pid] = run_id
        return found

    def _check(self, struck: str) -> None:
        """Check the runs of the trial, and those that earlier clients had sent when they were killed.

        The service may accept such a run after the trial was checked.
        """
        labels = tuple(self.labels)
        lines = [line.split() for line in self.told.read_text().splitlines()]
        accepted = {line[1]: line[2] for line in lines if line[0] == "submitted"}
        cancelled = {line[1] for line in lines if line[0] == "cancelled"}
        runs = self.fixture.service.call("GET", "/runs", query={"limit": 1000})["runs"]
        mine = [run for run in runs if run["id"] not in self.ended and run["tags"]["label"].startswith(labels)]
        for run in mine:
            if run["id"] not in cancelled and run["tags"]["label"].endswith("cancelled"):
                self.fixture.service.call("POST", f"/runs/{run['id']}/cancel")
                cancelled.add(run["id"])
        records = [self.fixture.wait(run["id"]) for run in mine]
        new = {run for run, name in accepted.items() if name.startswith(labels) and run not in self.ended}
        assert new <= {run["id"] for run in mine}, "lost"
        assert max(Counter(run["tags"]["label"] for run in runs).values(), default=1) == 1, "doubled"
        starts = Counter(self.starts.read_text().split())
        assert max(starts.values(), default=1) == 1, "started twice"
        if struck.isdigit():
            claimed = (each["id"] for each in records if self._shim_of(each["id"]) == int(struck))
            failed = (each["id"] for each in records if each["status"] == "Failed" and not starts[each["id"]])
            struck = next(iter((*claimed, *failed, "")))
        for record in records:
            self._check_run(record, record["id"] in cancelled, struck, starts[record["id"]])
        for run in runs:
            assert self.ended.get(run["id"], run["status"]) == run["status"], "a terminal state has changed"
        self.ended |= {record["id"]: record["status"] for record in records}
        left = {pid: [run_id, *_facts(pid)] for pid, run_id in self._processes("script").items()}
        # A run that was accepted since the others were listed is checked with the next trial.
        known = {run["id"] for run in self.fixture.service.call("GET", "/runs", query={"limit": 1000})["runs"]}
        assert {pid: told for pid, told in left.items() if told[0] not in known - self.ended.keys()} == {}, (
            "left behind"
        )

    def _shim_of(self, run_id: str) -> int:
        """Return the pid of the shim that has claimed a run; 0 if none has."""
        claim = self.fixture.root / "runs" / run_id / layout.SHIM
        return int(json.loads(claim.read_text())["pid"]) if claim.exists() else 0

    def _check_run(self, record: dict[str, Any], cancelled: bool, struck: str, started: int) -> None:
        run_id, status = record["id"], record["status"]
        path = f"/runs/{run_id}"
        events = [event["status"] for event in self.fixture.service.call("GET", f"{path}/events")["events"]]
        assert [event for event in events if event in states.TERMINAL] == events[-1:] == [status]
        if run_id != struck:
            assert status == ("Canceled" if cancelled else "Completed"), record["details"]
        if status == "Completed":
            assert started == 1
            assert self.fixture.service.call("GET", f"{path}/metrics")["metrics"] == {"loss": METRIC}
            assert self.fixture.log(run_id) == "up\ndone\n"
            files = self.fixture.service.call("GET", f"{path}/files")["files"]
            assert {"outputs/model.bin": 5000}.items() <= {file["name"]: file["size"] for file in files}.items()


def _facts(pid: int) -> list[str]:
    """Return what the system says of a process."""
    facts = []
    for name in ("stat", "cmdline", "wchan"):
        with contextlib.suppress(OSError):
            facts.append(Path(f"/proc/{pid}/{name}").read_text())
    return facts


@pytest.mark.timeout(120 + 6 * KILLS)
def test_random_kills(fixture: ServiceFixture, tmp_path: Path) -> None:
    trials = Trials(fixture, tmp_path)
    for number in range(KILLS):
        try:
            trials.trial(number)
        except BaseException:
            print(f"trial {number} of TRAINSHED_TEST_SEED={SEED}; service.log:")
            print((fixture.root / "service.log").read_text()[-4000:])
            raise
    print(f"TRAINSHED_TEST_SEED={SEED}: {KILLS} trials, killed {dict(trials.victims)}")
    assert set(trials.victims) == set(VICTIMS)
    trials.check_all()
    # Every slot is free, and the next run starts.
    slots = fixture.service.call("GET", "/targets/local")["slots"]
    assert fixture.wait(fixture.submit("pass", slots=slots))["status"] == "Completed"
    pid = os.pidfd_open(fixture.service_pid())
    left = running(str(fixture.root))
    assert left is not None
    left.call("POST", "/service/stop")
    gone(pid)
    assert trials._processes("shim") == trials._processes("script") == {}
    assert Database(fixture.root / "history.db").check() == []
