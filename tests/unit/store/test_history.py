from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import InternalException, NotFoundException, UserErrorException
from trainshed.service.gpus import wanted
from trainshed.spec import states
from trainshed.spec.container import ContainerSpec
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.experiments import Experiments
from trainshed.store.history import History

SPEC = RunSpec(experiment="e", script="t.py", tags={"a": "1"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "history.db")
    yield made
    assert made.check() == []
    made.close()


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def experiments(history: History) -> list[Any]:
    return Experiments(history._database).list()


def put(history: History, name: str = "r", **change: object) -> str:
    spec = RunSpec(**{"experiment": "e", "script": "t.py", **change})  # type: ignore[arg-type]
    return str(history.create_run(name, f"submit-{name}", spec, 1.0)["id"])


def test_only_legal_moves_happen(history: History, database: Database) -> None:
    for origin, goal in itertools.product(sorted(states.ALL), sorted(states.ALL)):
        run = put(history, f"{origin}-{goal}")
        database.execute(
            "UPDATE runs SET status = ?, terminal = ? WHERE id = ?", (origin, origin in states.TERMINAL, run)
        )
        legal = goal in states.LEGAL_MOVES[origin]
        assert history.move(run, goal, now=3.0) is legal, run
        assert history.get(run)["status"] == (goal if legal else origin)
        assert len(history.events(run)) == (3 if legal else 2)


def test_a_move_from_where_it_is_expected(history: History) -> None:
    run = put(history)
    assert not history.move(run, states.RUNNING, now=2.0, expected=frozenset({states.PREPARING}))
    assert history.move(run, states.RUNNING, now=2.0, expected=frozenset({states.QUEUED, states.COMPLETED}))
    assert not history.move("nobody", states.RUNNING, now=2.0)
    with pytest.raises(InternalException, match="is not a state"):
        history.move(run, "Sleeping", now=2.0)


def test_terminal_is_written_once_even_by_the_database(history: History, database: Database) -> None:
    run = put(history)
    assert history.move(run, states.FAILED, reason="exit", now=2.0, details={"error": {"code": 1}})
    assert not history.move(run, states.COMPLETED, now=3.0)
    record = history.get(run)
    assert (record["status"], record["reason"], record["ended"]) == ("Failed", "exit", 2.0)
    with pytest.raises(Exception, match="UNIQUE"), database.transaction() as write:
        write.execute("INSERT INTO run_events (run, time, status, terminal) VALUES (?, 4.0, 'Completed', 1)", (run,))


def test_details_are_merged(history: History) -> None:
    run = put(history)
    history.move(run, states.RUNNING, now=2.0, details={"a": 1})
    history.move(run, states.COMPLETED, now=3.0, details={"b": {"c": None}})
    record = history.get(run)
    assert record["details"] == {"a": 1, "b": {"c": None}}
    assert (record["started"], record["ended"]) == (2.0, 3.0)


def test_warnings_gather(history: History) -> None:
    run = put(history)
    history.add_warnings(run, "metrics", ["one", "two", "one"])
    told = {"warnings": [{"source": "environment", "message": "three"}], "exit": {"exit_code": float("nan")}}
    history.move(run, states.COMPLETED, now=3.0, details=told)
    history.add_warnings(run, "metrics", ["one", "late"])
    details = history.get(run)["details"]
    assert [warning["message"] for warning in details["warnings"]] == ["one", "two", "three", "late"]
    assert details["exit"] == {"exit_code": {"$float": "NaN"}}


def test_names_and_descriptions(history: History) -> None:
    run = put(history, display_name="first")
    history.set_display_name(run, "x" * 5000 + "'; DROP TABLE runs; --")
    history.set_description(run, "\u202eüber\n")
    record = history.list_runs()[0]
    assert record["display_name"].endswith("DROP TABLE runs; --")
    assert record["description"] == "\u202eüber\n"
    assert "spec" not in record
    for work in (history.set_display_name, history.set_description):
        with pytest.raises(NotFoundException):
            work("nobody", "x")
    with pytest.raises(UserErrorException, match="cannot be stored"):
        history.set_display_name(run, "\ud800")


def test_submits_that_cannot_be(history: History) -> None:
    put(history, "r")
    with pytest.raises(UserErrorException, match="already"):
        history.create_run("r", "another", SPEC, 1.0)
    with pytest.raises(NotFoundException, match="no run 'nobody'"):
        put(history, "child", parent="nobody")
    for bad in ("", "x" * 201):
        with pytest.raises(UserErrorException, match="submit_id"):
            history.create_run("q", bad, SPEC, 1.0)
    with pytest.raises(UserErrorException, match="64 bits"):
        put(history, "huge", priority=2**63)
    assert put(history, "s") == "s"
    assert [run["number"] for run in history.list_runs()] == [2, 1]


def test_submit_is_idempotent(history: History) -> None:
    first = history.create_run("r1", "same", SPEC, 1.0)
    assert history.create_run("r2", "same", SPEC, 2.0)["id"] == first["id"] == "r1"
    assert [event["status"] for event in history.events("r1")] == ["NotStarted", "Queued"]
    assert [(each["name"], each["created"], each["runs"]) for each in experiments(history)] == [("e", 1.0, 1)]


def test_many_threads_submit_at_once(history: History) -> None:
    def submit(number: int) -> int:
        return int(history.create_run(f"r{number}", f"s{number}", SPEC, 1.0)["number"])

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(submit, range(200)))
    assert sorted(numbers) == list(range(1, 201))
    assert [(each["name"], each["created"], each["runs"]) for each in experiments(history)] == [("e", 1.0, 200)]


def test_cancel_against_end_is_decided_once(history: History) -> None:
    for number in range(200):
        run = put(history, f"r{number}")
        history.move(run, states.RUNNING, now=1.0)
        barrier = threading.Barrier(2)

        def end(run: str = run, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            history.move(run, states.COMPLETED, now=2.0)

        other = threading.Thread(target=end)
        other.start()
        barrier.wait()
        history.request_cancel(run, 2.0)
        history.move(run, states.CANCELED, now=2.0)
        other.join()
        ends = [event for event in history.events(run) if event["status"] in states.TERMINAL]
        assert len(ends) == 1
        assert history.get(run)["status"] == ends[0]["status"]


def test_cancel_of_what_waits_ends_it(history: History) -> None:
    run = put(history)
    assert history.request_cancel(run, 2.0) == "Canceled"
    assert history.request_cancel(run, 3.0) == "Canceled"
    running = put(history, "r2")
    history.move(running, states.RUNNING, now=2.0)
    assert history.request_cancel(running, 3.0) == "CancelRequested"
    assert history.get(running)["cancel_requested"] is True


def test_queue_order(history: History) -> None:
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        put(history, name, priority=priority)
    put(history, "elsewhere", target="other")
    assert [run["id"] for run in history.queued("local", 10)] == ["b", "d", "a", "c"]


def test_those_without_gpus_are_found_behind_any_number_of_others(history: History) -> None:
    specs: dict[str, dict[str, Any]] = {
        "gpu": {"use_gpu": True},
        "mpi": {"launcher": "openmpi"},
        "gpu_image": {"use_gpu": True, "launcher": "openmpi", "container": ContainerSpec("i")},
        "plain": {},
        "image": {"launcher": "openmpi", "container": ContainerSpec("i")},
    }
    for number in range(50):
        put(history, f"first-{number}", use_gpu=True)
    for name, more in specs.items():
        put(history, name, **more)
    found = history.queued("local", 10, without_gpus=True)
    assert [run["id"] for run in found] == ["plain", "image"]
    everything = history.queued("local", 100)
    assert [run["id"] for run in everything if not wanted(run["spec"])] == ["plain", "image"]


def test_filters(history: History) -> None:
    put(history, "a", tags={"k": "1"})
    put(history, "b", tags={"k": "2", "x": "' OR 1=1--"}, experiment="f")
    put(history, "c", parent="a")

    def found(**query: Any) -> list[str]:
        return [run["id"] for run in history.list_runs(**query)]

    assert found() == ["c", "b", "a"]
    assert found(experiment="f") == ["b"]
    assert found(tags={"k": None}) == ["b", "a"]
    assert found(tags={"k": "1"}) == ["a"]
    assert found(tags={"k": "2", "x": None}) == ["b"]
    assert found(tags={"x": "' OR 1=1--"}) == ["b"]
    assert found(tags={"' OR 1=1--": None}) == []
    assert found(parent="a") == ["c"]
    assert found(limit=1) == ["c"]
    assert found(before=2) == ["a"]
    assert found(status="Queued", limit=10) == ["c", "b", "a"]


def test_labels(history: History) -> None:
    run = put(history)
    history.set_tags(run, {"n": 1, "none": None, "ü": "\u202e"})
    history.remove_tags(run, ["n", "nope"])
    assert history.get(run)["tags"] == {"none": None, "ü": "\u202e"}
    history.add_properties(run, {"p": "1"})
    history.add_properties(run, {"p": "1"})
    with pytest.raises(UserErrorException, match="cannot be changed"):
        history.add_properties(run, {"p": "2"})
    for bad in ({"k" * 251: "v"}, {"k": "v" * 6001}, {"": "v"}):
        with pytest.raises(UserErrorException):
            history.set_tags(run, bad)


def test_a_run_that_is_not_there(history: History) -> None:
    put(history, "diabetes_1_abcd")
    for ask in (history.get, lambda run: history.request_cancel(run, 1.0), lambda run: history.set_tags(run, {})):
        with pytest.raises(NotFoundException, match="Did you mean 'diabetes_1_abcd'"):
            ask("diabetes_1_abce")
    with pytest.raises(NotFoundException, match=r"experiment, not a run\. Its newest run is 'diabetes_1_abcd'"):
        history.get("e")


ACKS = """
import sys
from pathlib import Path
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.history import History
history = History(Database(Path(sys.argv[1])))
for number in range(100000):
    run = history.create_run(f"{sys.argv[2]}-{number}", f"{sys.argv[2]}-{number}", RunSpec("e", script="t"), 1.0)
    print(run["id"], flush=True)
"""


def test_acknowledged_submits_survive_kill(tmp_path: Path) -> None:
    acknowledged = []
    for trial in range(12):
        argv = [sys.executable, "-c", ACKS, str(tmp_path / "h.db"), str(trial)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline().strip() for _ in range(20 + trial)]
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    database = Database(tmp_path / "h.db")
    assert database.check() == []
    known = {row["id"] for row in database.all("SELECT id FROM runs")}
    assert set(acknowledged) <= known
    database.close()
