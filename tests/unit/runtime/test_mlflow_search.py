"""Filters and orders, as MLflow's clients write them."""

from __future__ import annotations

from typing import Any

import pytest

from trainshed.runtime.mlflow_search import EXPERIMENTS, RUNS, ordered, page
from trainshed.runtime.mlflow_words import Refused

RUN: dict[str, Any] = {
    "attribute": {"status": "FINISHED", "start_time": 5, "run_id": "a", "run_name": "first"},
    "metric": {"acc": 0.9, "my metric": 1.0, "val/loss": 2.0, "a.b": 3.0},
    "parameter": {"lr": "0.1", "note": "a AND b"},
    "tag": {"mlflow.source.name": "Train.py"},
    "dataset": [{"name": "d", "digest": "1", "context": "train"}],
}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("metrics.acc > 0.5 and params.lr = '0.1'", True),
        ("metrics.acc > .5 AND params.lr='0.2'", False),
        ("metrics.`my metric` = 1", True),
        ('metric."my metric" >= 1.0 AND metrics.val/loss < 1e9', True),
        ("metrics.a.b = 3 AND metrics.missing > -1", False),
        ("tags.mlflow.source.name LIKE '%.py'", True),
        ("tags.`mlflow.source.name` LIKE 'train%'", False),
        ("tags.mlflow.source.name ILIKE 'train_py'", True),
        ("params.note = 'a AND b'", True),
        ("params.x IS NULL AND params.lr IS NOT NULL", True),
        ("attributes.status IN ('FAILED', \"FINISHED\")", True),
        ("run_id NOT IN ('a')", False),
        ("created >= 5 AND start_time < 6 AND `Run name` = 'x'", False),
        ("run.run_name != 'x'", True),
        ("dataset.name = 'd' AND datasets.context = 'train'", True),
        ("datasets.digest LIKE '2%'", False),
    ],
)
def test_filters(text: str, passes: bool) -> None:
    assert RUNS.filter(text)(RUN) is passes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "Invalid clause"),
        ("metrics.acc > 0.5 OR metrics.acc < 0.1", "Invalid clause"),
        ("metrics.acc > 0.5 AND", "Invalid clause"),
        ("metrics.acc > 'high'", "Expected numeric value"),
        ("params.lr = 0.1", "Expected a quoted string"),
        ("params.lr > '0.1'", "Invalid comparator '>'"),
        ("metrics.acc LIKE '1%'", "Invalid comparator 'LIKE'"),
        ("things.lr = '1'", "Invalid entity type 'things'"),
        ("colour = 'red'", "Invalid attribute key 'colour'"),
        ("run_id IN (1, 2)", "Expected a list"),
        (" AND ".join(["metrics.a > 1"] * 101), "Invalid clause"),
    ],
)
def test_a_filter_that_cannot_be_understood_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        RUNS.filter(text)
    with pytest.raises(Refused):
        EXPERIMENTS.filter("metrics.acc > 1")


def test_what_lacks_a_value_comes_last_in_each_order() -> None:
    runs = [{"metric": {"acc": value} if value is not None else {}} for value in (2.0, None, float("nan"), 1.0)]
    places = {id(run): place for place, run in enumerate(runs)}

    def order(text: str) -> list[int]:
        return [places[id(run)] for run in ordered(runs, lambda run: run, RUNS.orders([text]))]

    assert order("metrics.acc") == [3, 0, 2, 1]
    assert order("metrics.acc DESC") == [0, 3, 2, 1]
    assert order("params.none asc") == [0, 1, 2, 3]
    for text in ("metrics.acc sideways", "datasets.name", 3):
        with pytest.raises(Refused):
            RUNS.orders([text])


def test_pages() -> None:
    assert page("abcde", {"max_results": 2}, 10, 5) == ("ab", "2")
    assert page("abcde", {"max_results": 2, "page_token": "4"}, 10, 5) == ("e", "")
    for wrong in ({"max_results": 0}, {"max_results": 11}, {"page_token": "x"}, {"page_token": "-1"}):
        with pytest.raises(Refused):
            page("abcde", wrong, 10, 5)
