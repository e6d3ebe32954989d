from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.metrics import Metrics


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "history.db")
    History(made).create_run("r", "s", RunSpec(experiment="e", script="t.py"), 1.0)
    yield made
    made.close()


def log(database: Database, *events: dict[str, Any]) -> dict[str, Any]:
    """Take in events as if each were ten bytes long; return all metrics."""
    metrics = Metrics(database)
    start = metrics.offset("r")
    placed = [(start + 10 * number, {"t": 1.0, **event}) for number, event in enumerate(events)]
    metrics.append("r", placed, start + 10 * len(events))
    return metrics.read("r")


def scalar(value: object, name: str = "m") -> dict[str, Any]:
    return {"k": "metric", "n": name, "v": value}


@pytest.mark.parametrize("value", [1.5, -0.0, 1e308, 5e-324, 3, 2**63, -(2**80), True, "text", "NaN", 0])
def test_a_scalar_comes_back_as_it_was(database: Database, value: object) -> None:
    back = log(database, scalar(value))["m"]
    assert back == value
    assert type(back) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, back) == math.copysign(1, value)


def test_floats_that_json_lacks(database: Database) -> None:
    events = [{"k": "metric", "n": "m", "x": text} for text in ("NaN", "Infinity", "-Infinity")]
    nan, up, down = log(database, *events, scalar(1))["m"][:3]
    assert math.isnan(nan)
    assert (up, down) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    ("events", "shape"),
    [
        ([("metric", 1.0), ("metric", 2)], [1.0, 2]),
        ([("list", [1, 2, 3])], [1, 2, 3]),
        ([("list", [1]), ("list", [2])], [1, 2]),
        ([("list", [7])], 7),
        ([("row", {"a": 1, "b": "x"})], {"a": 1, "b": "x"}),
        ([("row", {"a": 1}), ("row", {"a": 2, "b": 3})], {"a": [1, 2], "b": 3}),
        ([("table", {"a": [1, 2], "b": [3, 4]})], {"a": [1, 2], "b": [3, 4]}),
        ([("table", {"a": 1, "b": 2})], {"a": 1, "b": 2}),
        ([("metric", 1.0), ("list", [2])], 1.0),
    ],
)
def test_shapes(database: Database, events: list, shape: object) -> None:
    assert log(database, *({"k": kind, "n": "m", "v": value} for kind, value in events))["m"] == shape


def test_lists_keep_floats_that_json_lacks(database: Database) -> None:
    back = log(database, {"k": "list", "n": "m", "v": [{"$float": "Infinity"}, 2]})["m"]
    assert back == [math.inf, 2]


def test_the_same_batch_twice_is_once(database: Database) -> None:
    metrics = Metrics(database)
    batch = [(10 * number, {"t": 1.0, **scalar(number)}) for number in range(100)]
    for part in (batch, batch, batch[50:], batch[:30]):
        metrics.append("r", part, 1000)
    assert metrics.read("r") == {"m": list(range(100))}
    assert metrics.offset("r") == 1000


def test_the_place_to_go_on_from_never_goes_back(database: Database) -> None:
    metrics = Metrics(database)
    metrics.append("r", [], 500)
    metrics.append("r", [], 100)
    assert metrics.offset("r") == 500


def test_labels_travel_in_the_journal(database: Database) -> None:
    log(
        database,
        {"k": "tag", "n": "a", "v": "1"},
        {"k": "tag", "n": "b", "v": None},
        {"k": "untag", "n": "a"},
        {"k": "property", "n": "p", "v": "first"},
        {"k": "property", "n": "p", "v": "second"},
        {"k": "unknown", "n": "x"},
        {},
    )
    record = History(database).get("r")
    assert (record["tags"], record["properties"]) == ({"b": None}, {"p": "first"})


def test_one_name(database: Database) -> None:
    log(database, scalar(1, "a"), scalar(2, "b"), scalar(3, "' OR 1=1--"))
    metrics = Metrics(database)
    assert metrics.read("r", "b") == {"b": 2}
    assert metrics.read("r", "' OR 1=1--") == {"' OR 1=1--": 3}
    assert metrics.read("r", "nope") == {}


def test_points(database: Database) -> None:
    events = [{"k": "metric", "n": "m", "v": float(n), "s": n * 10} for n in range(3)]
    log(database, *events, {"k": "metric", "n": "m", "v": 9.0, "s": 2**70})
    points = Metrics(database).points("r", "m")
    assert points == [(0, 1.0, 0.0), (10, 1.0, 1.0), (20, 1.0, 2.0), (None, 1.0, 9.0)]


def test_manifest(database: Database) -> None:
    files = Files(database)
    files.replace("r", [("b", 2, "0" * 64, 1.0), ("a", 1, "1" * 64, 2.0)])
    files.replace("r", [("b", 2, "0" * 64, 1.0), ("c", 1, "1" * 64, 2.0)])
    assert [row["name"] for row in files.list("r")] == ["b", "c"]
