"""Whatever fails at the end of a run, it ends; and what fails for one run touches no other."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import MachineUnreachableException, ServiceException
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, Observation
from trainshed.service import ending, target_worker
from trainshed.service.bus import Bus
from trainshed.service.collect import Collector
from trainshed.service.gpus import Gpus
from trainshed.service.holdings import Holdings
from trainshed.service.mirror import Mirror
from trainshed.service.outputs import Outputs
from trainshed.service.shared import Follower, Shared
from trainshed.service.staging import Staging
from trainshed.service.target_worker import TargetWorker
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec.run import RunSpec
from trainshed.store.catalog import Catalog
from trainshed.store.database import Database
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.registry import Registry
from trainshed.store.secrets import Secrets
from trainshed.store.snapshots import Snapshots
from trainshed.targets.engine import Accepted, Job

WELL: dict[str, Any] = {
    "outcome": "completed",
    "reason": "exit",
    "message": "",
    "phase": "Running",
    "time": 5.0,
    "exit_code": 0,
}
OURS = KeyError("a mistake of ours")


class FakeMachine:
    """A machine that shares the service's folder, unless a test says otherwise."""

    patience = 0.0

    def __init__(self) -> None:
        self.shares_folder = True

    def facts(self) -> dict[str, Any]:
        return {"gpus": []}


class FakeEngine:
    """Starts nothing, and shows of each run what the test says; an exception is raised."""

    queues = False
    patience = 0.0

    def __init__(self) -> None:
        self.machine: Any = FakeMachine()
        self.seen: dict[str, Observation | Exception] = {}
        self.submitted: list[str] = []
        self.after_submit = Observation(ALIVE)  # as soon as a run has been submitted
        self.cancelled: list[str] = []
        self.refused: dict[str, Exception] = {}
        self.broken: list[str] = []

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        if job.run_id in self.refused:
            raise self.refused[job.run_id]
        if accepted("7"):
            self.submitted.append(job.run_id)
            self.seen.setdefault(job.run_id, self.after_submit)
        if job.run_id in self.broken:
            raise OURS

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        told = {run_id: self.seen.get(run_id, Observation(ABSENT)) for run_id in native_ids}
        for each in told.values():
            if isinstance(each, Exception):
                raise each
        return {run_id: each for run_id, each in told.items() if isinstance(each, Observation)}

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        self.cancelled += native_ids

    def find(self, _: str, /) -> str | None:
        return None

    def close(self) -> None: ...


class Bench:
    """One worker on a real history, with an engine that does what the test says."""

    def __init__(self, root: Path) -> None:
        self.database = Database(root / "history.db")
        self.history = History(self.database)
        self.engine = FakeEngine()
        self.mirror = Mirror(root / "runs")
        self.catalog = Catalog(self.database)
        self.registry = WorkspaceRegistry(root, Registry(self.database), Secrets(root / "secrets.json"))
        files = Files(self.database)
        self.collector = Collector(
            self.history, Metrics(self.database), files, self.catalog, self.mirror, Outputs(files)
        )
        staging = Staging(Snapshots(root / "snapshots", self.database), self.registry, self.mirror, lambda: "", root)
        self.shared = Shared(self.history, self.collector, Bus(), self.registry, self.mirror, staging)
        self.ended: dict[str, threading.Event] = defaultdict(threading.Event)
        self.workers: list[TargetWorker] = []

    def worker(self) -> TargetWorker:
        """Start a worker; one that is started later is that of a later service."""
        made = TargetWorker("local", self.engine, Holdings(Gpus()), self.shared, self._freed)
        self.workers.append(made)
        made.start()
        return made

    def _freed(self, run_id: str) -> None:
        self.ended[run_id].set()
        for worker in self.workers:
            worker.tell("dispatch")

    def run(self, name: str, status: str = "Queued", **spec: Any) -> str:
        """Add a run in some state, with a directory as a living shim has it."""
        self.history.create_run(name, name, RunSpec(experiment="e", command=("true",), **spec), 1.0)
        if status != "Queued":
            self.history.accept(name, "7", {}, now=2.0, durable=False)
            self.history.move(name, status, now=3.0)
            self.mirror.folder(name).mkdir()
            (self.mirror.folder(name) / "shim.json").write_text('{"pid": 4000000, "start": "1", "boot": "b"}')
            self.engine.seen[name] = Observation(ALIVE)
        return name

    def end(self, run_id: str) -> dict[str, Any]:
        """Wait until the end of a run has been written; return its record."""
        assert self.ended[run_id].wait(30), f"{run_id} did not end: {self.history.get(run_id)}"
        return self.history.get(run_id)

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()
        self.database.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(target_worker, "_TICK", 0.02)
    made = Bench(tmp_path)
    yield made
    made.close()


def fails(error: Exception) -> Callable[..., Any]:
    def work(*_: Any, **__: Any) -> Any:
        raise error

    return work


@pytest.mark.parametrize(
    ("part", "name", "warning"),
    [
        ("collector", "phases", "phases"),
        ("collector", "journal", "logged"),
        ("collector", "manifest", "listed"),
        ("mirror", "tail", "log"),
        ("collector", "outputs", "registered"),
        ("collector", "make_durable", "power"),
    ],
)
@pytest.mark.parametrize("error", [OURS, PermissionError(13, "Permission denied", "x"), RecursionError("deep")])
def test_a_step_of_the_end_that_fails_is_a_warning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, part: str, name: str, warning: str, error: Exception
) -> None:
    run = bench.run("a", "Running")
    bench.engine.seen[run] = Observation(ENDED, WELL)
    monkeypatch.setattr(getattr(bench, part), name, fails(error))
    worker = bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"], record["ended"], worker.used) == ("Completed", "exit", 5.0, 0)
    (told,) = record["details"]["warnings"]
    assert told["source"] == "end"
    assert warning in told["message"]
    assert told["message"][-1] == "."


@pytest.mark.parametrize("exit_code", [0, 5])
def test_everything_fails_at_once_and_the_exit_code_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, exit_code: int
) -> None:
    run = bench.run("a", "Running")
    failed = {"outcome": "failed", "message": "The script exited with exit code 5.", "exit_code": 5}
    bench.engine.seen[run] = Observation(ENDED, {**WELL, **(failed if exit_code else {})})
    for name in ("phases", "journal", "manifest", "outputs", "make_durable"):
        monkeypatch.setattr(bench.collector, name, fails(OURS))
    monkeypatch.setattr(bench.mirror, "tail", fails(OURS))
    bench.worker()
    record = bench.end(run)
    assert record["status"] == ("Failed" if exit_code else "Completed")
    assert record["details"]["exit"]["exit_code"] == exit_code
    assert len(record["details"]["warnings"]) >= 4


def test_records_that_make_no_sense_are_an_end(bench: Bench) -> None:
    run = bench.run("a", "Running")
    bench.engine.seen[run] = Observation(ENDED, {"outcome": ["what"]})
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"]) == ("Failed", "record_lost")
    assert "not known" in record["details"]["error"]["message"]


def test_outputs_that_cannot_be_copied_fail_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench.run("a", "Running")
    bench.engine.machine.shares_folder = False
    bench.engine.seen[run] = Observation(ENDED, WELL)
    monkeypatch.setattr(bench.mirror, "complete", lambda *_: None)
    monkeypatch.setattr(bench.shared.staging, "take_back", fails(OURS))
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"]) == ("Failed", "upload_failed")
    assert "a mistake of ours" in record["details"]["error"]["message"]


def test_what_could_not_be_fetched_is_told_and_a_machine_that_is_silent_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.run("a", "Running")
    monkeypatch.setattr(target_worker, "_TICK_ELSEWHERE", 0.01)
    bench.engine.machine.shares_folder = False
    bench.engine.seen[run] = Observation(ENDED, WELL)
    answers: list[Exception] = [MachineUnreachableException("silent"), MachineUnreachableException("silent"), OURS]
    monkeypatch.setattr(bench.mirror, "complete", lambda *_: fails(answers.pop(0))())
    bench.worker()
    record = bench.end(run)
    assert record["status"] == "Completed"
    assert "only on the machine" in record["details"]["warnings"][0]["message"]
    assert not answers


@pytest.mark.parametrize("error", [ServiceException("full"), ServiceException("room was made", {"again": True}), OURS])
def test_an_end_that_cannot_be_written_is_written_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bench.registry.set_target("local", {"slots": 2})
    stuck, other, waiting = bench.run("stuck", "Running"), bench.run("other", "Running"), bench.run("waiting", slots=2)
    refused = threading.Semaphore(0)
    room = threading.Event()
    move = bench.history.move

    def full(run_id: str, status: str, **more: Any) -> bool:
        if run_id == stuck and status == "Completed" and not room.is_set():
            refused.release()
            raise error
        return move(run_id, status, **more)

    monkeypatch.setattr(bench.history, "move", full)
    monkeypatch.setattr(ending, "_LATEST", 0.05)
    bench.engine.seen |= {stuck: Observation(ENDED, WELL), other: Observation(ENDED, WELL)}
    worker = bench.worker()
    assert bench.end(other)["status"] == "Completed"
    for _ in range(6):
        assert refused.acquire(timeout=30)
    assert (worker.used, bench.history.get(waiting)["status"]) == (1, "Queued")  # it has its slot until it is written
    room.set()
    assert bench.end(stuck)["status"] == "Completed"
    bench.engine.seen[waiting] = Observation(ENDED, WELL)
    assert bench.end(waiting)["status"] == "Completed"


def test_details_that_cannot_be_stored_do_not_hold_back_the_state(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.run("a", "Running")
    bench.engine.seen[run] = Observation(ENDED, {**WELL, "environment": {"python": b"no JSON"}})
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"]) == ("Completed", "exit")
    assert "could not be stored" in record["details"]["warnings"][0]["message"]


def test_a_run_whose_records_cannot_be_read_ends_and_no_other_suffers(bench: Bench) -> None:
    spoilt, well = bench.run("spoilt", "Running"), bench.run("well", "Running")
    bench.engine.seen |= {spoilt: ValueError("no JSON"), well: Observation(ENDED, WELL)}
    bench.worker()
    assert bench.end(well)["status"] == "Completed"
    record = bench.end(spoilt)
    assert (record["status"], record["reason"]) == ("Failed", "record_lost")
    assert "cannot be read" in record["details"]["error"]["message"]
    assert spoilt in bench.engine.cancelled  # nothing of it runs on


def test_a_lack_of_descriptors_of_ours_ends_no_run(bench: Bench) -> None:
    run, other = bench.run("a", "Running"), bench.run("b", "Running")
    looks = threading.Semaphore(0)
    poll = bench.engine.poll

    def counted(native_ids: Mapping[str, str]) -> dict[str, Observation]:
        looks.release()
        return poll(native_ids)

    bench.engine.poll = counted  # type: ignore[method-assign]
    bench.engine.seen[run] = OSError(24, "Too many open files")
    bench.worker()
    for _ in range(40):
        assert looks.acquire(timeout=30)
    assert bench.history.get(run)["status"] == "Running"
    bench.engine.seen |= {run: Observation(ENDED, WELL), other: Observation(ENDED, WELL)}
    assert bench.end(run)["status"] == "Completed"


def test_recovery_goes_on_after_a_run_that_cannot_be_taken_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.registry.set_target("local", {"slots": 3})
    spoilt, well, waiting = bench.run("spoilt", "Running"), bench.run("well", "Running"), bench.run("waiting")
    bench.database.execute("UPDATE specs SET spec = ? WHERE run = ?", ('{"experiment":', spoilt))
    bench.engine.seen |= {well: Observation(ENDED, WELL), waiting: Observation(ENDED, WELL)}
    bench.worker()
    assert bench.end(well)["status"] == "Completed"
    assert bench.end(waiting)["status"] == "Completed"
    bench.engine.seen[spoilt] = Observation(ENDED, WELL)
    assert bench.end(spoilt)["status"] == "Completed"


@pytest.mark.parametrize("spec", ['{"experiment":', "[]", "{}", "null"])
def test_a_queued_run_whose_request_is_damaged_fails_alone(bench: Bench, spec: str) -> None:
    first, spoilt, last = bench.run("first"), bench.run("spoilt"), bench.run("last")
    bench.database.execute("UPDATE specs SET spec = ? WHERE run = ?", (spec, spoilt))
    bench.engine.seen |= {first: Observation(ENDED, WELL), last: Observation(ENDED, WELL)}
    bench.worker()
    assert bench.end(last)["status"] == "Completed"
    record = bench.end(spoilt)
    assert (record["status"], record["reason"]) == ("Failed", "start_failed")
    assert record["details"]["error"]["message"]
    assert bench.end(first)["status"] == "Completed"


def test_a_run_that_cannot_be_handed_over_fails_alone(bench: Bench) -> None:
    bench.registry.set_target("local", {"slots": 1})
    refused, last = bench.run("refused"), bench.run("last")
    bench.engine.refused[refused] = OURS
    bench.engine.seen[last] = Observation(ENDED, WELL)
    bench.worker()
    record = bench.end(refused)
    assert (record["status"], record["reason"]) == ("Failed", "start_failed")
    assert "a mistake of ours" in record["details"]["error"]["message"]
    assert bench.end(last)["status"] == "Completed"
    assert bench.engine.submitted == [last]


def test_a_run_that_never_reached_its_machine_is_handed_over_again(bench: Bench) -> None:
    run = bench.run("a")
    bench.history.accept(run, "7", {}, now=2.0, durable=False)  # and then the service was killed
    bench.engine.after_submit = Observation(ENDED, WELL)
    bench.worker()
    assert bench.end(run)["status"] == "Completed"
    assert bench.engine.submitted == [run]


def test_what_was_logged_last_is_taken_in_at_the_end(bench: Bench) -> None:
    run = bench.run("a", "Running")
    line = json.dumps({"k": "metric", "n": "late", "v": 7, "t": 4.0}) + "\n"
    (bench.mirror.folder(run) / "journal.jsonl").write_text(line)
    bench.engine.seen[run] = Observation(ENDED, WELL)
    bench.worker()
    bench.end(run)
    assert Metrics(bench.database).read(run) == {"late": 7}


def test_a_run_that_has_started_all_the_same_is_followed(bench: Bench) -> None:
    run = bench.run("a")
    bench.engine.broken.append(run)
    bench.engine.seen[run] = Observation(ENDED, WELL)
    bench.worker()
    assert bench.end(run)["status"] == "Completed"


def test_cancelling_goes_on_after_one_that_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = bench.run("bad", "Running"), bench.run("good", "Running")
    asked: dict[str, threading.Event] = defaultdict(threading.Event)
    times: list[str] = []

    def cancel(native_ids: Mapping[str, str]) -> None:
        times.extend(native_ids)
        if times.count(bad) == 1 and bad in native_ids:
            raise OSError(28, "No space left on device")
        for run_id in native_ids:
            asked[run_id].set()

    bench.engine.cancel = cancel  # type: ignore[method-assign]
    worker = bench.worker()
    for run_id in (bad, good):
        bench.history.request_cancel(run_id, 4.0)
        worker.tell("cancel", run_id)
    assert asked[good].wait(30)
    assert asked[bad].wait(30)  # again, at a later tick


def test_readers_that_hang_hold_up_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.registry.set_target("local", {"slots": 7})
    hanging = [bench.run(f"hangs-{number}", "Running") for number in range(6)]
    free, hung = threading.Event(), threading.Semaphore(0)
    journal = bench.collector.journal

    def read(run_id: str) -> None:
        if run_id in hanging:
            hung.release()
            free.wait(60)
        journal(run_id)

    monkeypatch.setattr(bench.collector, "journal", read)
    worker = bench.worker()
    for _ in hanging:
        assert hung.acquire(timeout=30)
    well = bench.run("well")
    bench.engine.seen[well] = Observation(ENDED, WELL)
    worker.tell("dispatch")
    assert bench.end(well)["status"] == "Completed"
    assert not hung.acquire(timeout=0.2)  # however many ticks pass, each of them hangs once
    free.set()


def test_following_goes_on_after_a_run_that_cannot_be_followed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(_: Any, run_ids: list[str]) -> set[str]:
        if "bad" in run_ids:
            raise OURS
        return set(run_ids)

    errors: list[Exception] = []
    told: list[str] = []
    monkeypatch.setattr(bench.mirror, "follow", follow)
    monkeypatch.setattr(bench.shared.bus, "publish", told.append)
    Follower(bench.shared, bench.engine.machine, lambda *_: None, errors.append).fetch(["a", "bad", "b"])
    assert sorted(told) == ["a", "b"]
    assert errors == [OURS, OURS]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "shim.json").unlink(), "shim.json"),
        (lambda run: (run / "shim.json").write_text('{"pid"'), "shim.json"),
        (lambda run: (run / "exit.json").mkdir(), "exit.json"),
        (lambda run: (run / "exit.json").write_text("{}"), "exit.json"),
        (lambda run: [(run / "shim.json").unlink(), run.rmdir()], "run directory"),
    ],
    ids=["no-shim", "cut-shim", "exit-folder", "exit-empty", "no-folder"],
)
@pytest.mark.parametrize("state", [ABSENT, LOST])
def test_spoilt_records_are_named_as_the_cause(
    bench: Bench, spoil: Callable[[Path], object], message: str, state: str
) -> None:
    run = bench.run("a", "Running")
    spoil(bench.mirror.folder(run))
    bench.engine.seen[run] = Observation(state)
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"]) == ("Failed", "record_lost")
    assert message in record["details"]["error"]["message"]
    assert run in bench.engine.cancelled


def test_a_run_that_ran_is_not_started_again_though_its_claim_is_gone_and_nobody_had_seen_it_run(bench: Bench) -> None:
    run = bench.run("a", "Preparing")
    (bench.mirror.folder(run) / "shim.json").unlink()
    (bench.mirror.folder(run) / "phases.jsonl").write_bytes(b'{"phase":"Running","time":9.5}\n')
    bench.engine.seen[run] = Observation(ABSENT)
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["reason"], bench.engine.submitted) == ("Failed", "record_lost", [])


PHASES = b'{}\nnot json\n{"phase":"Running"}\n{"phase":3,"time":4}\n{"phase":"Running","time":true}\n'


def test_phases_that_make_no_sense_are_skipped(bench: Bench) -> None:
    run = bench.run("a", "Preparing")
    (bench.mirror.folder(run) / "phases.jsonl").write_bytes(PHASES + b'{"phase":"Running","time":9.5}\n')
    bench.engine.seen[run] = Observation(ENDED, WELL)
    bench.worker()
    record = bench.end(run)
    assert (record["status"], record["started"]) == ("Completed", 9.5)
    assert not record["details"].get("warnings")


def test_phases_that_could_not_be_stored_are_stored_the_next_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.run("a", "Preparing")
    (bench.mirror.folder(run) / "phases.jsonl").write_bytes(b'{"phase":"Running","time":9.5}\n')
    seen: list[str] = []

    def enter(phase: str, _: float) -> None:
        seen.append(phase)
        if len(seen) == 1:
            raise ServiceException("full")

    with pytest.raises(ServiceException):
        bench.collector.phases(run, enter)
    bench.collector.phases(run, enter)
    bench.collector.phases(run, enter)
    assert seen == ["Running", "Running"]
