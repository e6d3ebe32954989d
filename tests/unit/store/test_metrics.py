from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import NotFoundException
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


SCALARS: list[Any] = [
    1.5,
    -0.0,
    1e308,
    5e-324,
    3,
    2**63,
    -(2**80),
    10**400,
    0,
    True,
    False,
    "text",
    "",
    "NaN",
    "\ud800",
]


def test_a_scalar_comes_back_as_it_was(database: Database) -> None:
    back = log(database, *(scalar(value, f"m{number}") for number, value in enumerate(SCALARS)))
    for value, found in zip(SCALARS, back.values(), strict=True):
        assert found == value
        assert type(found) is type(value)
        if isinstance(value, float):
            assert math.copysign(1, found) == math.copysign(1, value)
    assert log(database, *(scalar(value, "all") for value in SCALARS))["all"] == SCALARS


def test_floats_that_json_lacks(database: Database) -> None:
    events = [{"k": "metric", "n": "m", "x": text} for text in ("NaN", "Infinity", "-Infinity")]
    nan, up, down = log(database, *events, scalar(1))["m"][:3]
    assert math.isnan(nan)
    assert (up, down) == (math.inf, -math.inf)


SHAPES: list[tuple[list[Any], Any]] = [
    ([("metric", 1.0), ("metric", 2)], [1.0, 2]),
    ([("list", [1, 2, 3])], [1, 2, 3]),
    ([("list", [1]), ("list", [2])], [1, 2]),
    ([("list", [7])], 7),
    ([("row", {"a": 1, "b": "x"})], {"a": 1, "b": "x"}),
    ([("row", {"a": 1}), ("row", {"a": 2, "b": 3})], {"a": [1, 2], "b": 3}),
    ([("table", {"a": [1, 2], "b": [3, 4]})], {"a": [1, 2], "b": [3, 4]}),
    ([("table", {"a": 1, "b": 2})], {"a": 1, "b": 2}),
    ([("list", []), ("list", [7])], 7),
    ([("list", [1, "a", True, None])], [1, "a", True, None]),
    ([("table", {"a": [1], "b": [2]}), ("table", {"a": [3], "b": [4]})], {"a": [1, 3], "b": [2, 4]}),
    ([("image", "aml://artifactId/x")], "aml://artifactId/x"),
    ([("metric", 1.0), ("list", [2])], 1.0),
    ([("row", {"a": 1}), ("metric", 2), ("table", {"a": 3})], {"a": 1}),
]


def test_shapes(database: Database) -> None:
    events = [
        {"k": kind, "n": f"m{number}", "v": value}
        for number, (logged, _) in enumerate(SHAPES)
        for kind, value in logged
    ]
    assert list(log(database, *events).values()) == [shape for _, shape in SHAPES]


def test_lists_keep_floats_that_json_lacks(database: Database) -> None:
    values = [{"$float": "Infinity"}, -math.inf, 2]
    assert log(database, {"k": "list", "n": "m", "v": values})["m"] == [math.inf, -math.inf, 2]
    assert math.isnan(log(database, {"k": "row", "n": "w", "v": {"a": math.nan}})["w"]["a"])


def test_the_same_batch_twice_is_once(database: Database) -> None:
    metrics = Metrics(database)
    batch = [(10 * number, {"t": 1.0, **scalar(number)}) for number in range(100)]
    for part in (batch, batch, batch[50:], batch[:30]):
        metrics.append("r", part, 1000)
    assert metrics.read("r") == {"m": list(range(100))}
    assert metrics.offset("r") == 1000


def test_overlapping_batches_change_labels_once(database: Database) -> None:
    metrics, history = Metrics(database), History(database)
    batch = [(0, {"k": "tag", "n": "a", "v": "of the script"}), (10, scalar(1.0))]
    metrics.append("r", batch, 20)
    history.set_tags("r", {"a": "of the user"})
    metrics.append("r", [*batch, (20, scalar(2.0))], 30)
    assert history.get("r")["tags"] == {"a": "of the user"}
    assert metrics.read("r") == {"m": [1.0, 2.0]}


def test_no_event_keeps_the_others_out(database: Database) -> None:
    metrics = Metrics(database)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    strange: list[Any] = [None, True, 2**70, math.nan, "\ud800", [], {}, ["x"], {"$float": 1}, "x" * 10_000, deep]
    kinds = ("metric", "list", "row", "table", "image", "tag", "untag", "property", "file", "other", None, 3)
    events = [{"k": kind, "n": value, "v": 1, "t": 1.0} for kind in kinds for value in strange]
    events += [{"k": kind, "n": f"m{kind}", field: value} for kind in kinds for value in strange for field in "vxst"]
    warnings = metrics.append("r", [*enumerate(events), (len(events), scalar(1.5, "last"))], len(events) + 1)
    assert metrics.read("r", "last") == {"last": 1.5}
    assert metrics.read("r")
    assert metrics.latest("r")
    assert all(isinstance(warning, str) and len(warning) < 400 for warning in warnings)
    assert any("Journal events of unknown kind" in warning for warning in warnings)
    assert database.check() == []


def test_a_name_keeps_its_kind_and_says_so(database: Database) -> None:
    metrics = Metrics(database)
    metrics.append("r", [(0, scalar(1.0))], 10)
    twice = [(10, {"k": "list", "n": "m", "v": [2]}), (20, {"k": "list", "n": "m", "v": [3]})]
    assert metrics.append("r", twice, 30) == [
        "Metric 'm' is a scalar; a list logged under the same name was ignored. Give it another name."
    ]


def test_metrics_of_nobody(database: Database) -> None:
    metrics = Metrics(database)
    with pytest.raises(NotFoundException):
        metrics.append("nobody", [(0, scalar(1.0))], 10)
    assert metrics.read("nobody") == metrics.latest("nobody") == {}
    assert metrics.offset("nobody") == 0


def test_the_newest_point(database: Database) -> None:
    log(database, *(scalar(n / 2) for n in range(5)), {**scalar(math.nan, "n"), "s": 7}, scalar(True, "b"))
    log(database, {**scalar(9.0), "t": 8.0})
    latest = Metrics(database).latest("r")
    assert latest["m"] == {"kind": "scalar", "count": 6, "place": 70, "step": None, "time": 8.0, "value": 9.0}
    assert (latest["n"]["step"], math.isnan(latest["n"]["value"]), latest["b"]["value"]) == (7, True, True)


def test_reading_while_others_log(database: Database) -> None:
    metrics = Metrics(database)
    metrics.append("r", [(0, scalar(0.0))], 1)
    kinds: list[Any] = [1.5, True, 2**70, math.nan, "x"]

    def write() -> None:
        for start in range(1, 2001, 100):
            metrics.append("r", [(n, scalar(kinds[n // 401])) for n in range(start, start + 100)], start + 100)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        values = metrics.read("r")["m"]
        assert not isinstance(values, list) or not any(isinstance(value, bytes) or value is None for value in values)
    writer.join()
    assert len(metrics.read("r")["m"]) == 2001


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
        {"k": "tag", "n": "k" * 251, "v": "too long"},
        {"k": "tag", "n": "number", "v": 3},
        {"k": "file", "n": "plots/roc.png"},
    )
    record = History(database).get("r")
    assert (record["tags"], record["properties"]) == ({"b": None, "number": "3"}, {"p": "first"})


def test_one_name(database: Database) -> None:
    log(database, scalar(1, "a"), scalar(2, "b"), scalar(3, "' OR 1=1--"))
    log(database, scalar(4, "ünïcode " * 1000))
    metrics = Metrics(database)
    assert metrics.read("r", "b") == {"b": 2}
    assert metrics.read("r", "ünïcode " * 1000) == {"ünïcode " * 1000: 4}
    assert metrics.read("r", "") == {}
    assert list(metrics.read("r"))[:2] == ["a", "b"]
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


def test_files_by_name(database: Database) -> None:
    files = Files(database)
    names = ["logs/a", "outputs/%", "outputs/_x", "outputs/ü", "outputs", "x'; --"]
    files.replace("r", [(name, 1, "0" * 64, 1.0) for name in names])
    assert [row["name"] for row in files.list("r", "outputs/")] == ["outputs/%", "outputs/_x", "outputs/ü"]
    assert [row["name"] for row in files.list("r", "outputs/_")] == ["outputs/_x"]
    assert files.get("r", "x'; --") == {"name": "x'; --", "size": 1, "sha256": "0" * 64, "modified": 1.0}
    with pytest.raises(NotFoundException, match="Did you mean 'logs/a'"):
        files.get("r", "log/a")
