"""Tables that are read with pandas: rows chosen by conditions, times and samples, and written again."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainshed import Dataset, TabularDataset
from trainshed.api.data.column_types import PromoteHeadersBehavior
from trainshed.errors import UserErrorException

pd = pytest.importorskip("pandas")

DAY, UTC = dt.datetime(2026, 1, 2), dt.timezone.utc


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TabularDataset:
    """Four days of weather, one temperature missing; its times are text, as in every CSV file."""
    monkeypatch.setenv("TRAINSHED_HOME", str(tmp_path / "home"))
    (tmp_path / "weather.csv").write_text(
        "day,station,temperature,low\n2026-01-01,a,20.5,1\n2026-01-02,b,,2\n2026-01-03,a,21.5,30\n2026-01-04,c,15.0,4\n"
    )
    return Dataset.Tabular.from_delimited_files(str(tmp_path / "weather.csv"))


def low(table: TabularDataset) -> list[int]:
    """Return the last column of what is left, once its definition has been stored and read again."""
    again = Dataset.of_definition(None, json.loads(json.dumps(table._definition)))
    found: list[int] = again.to_pandas_dataframe()["low"].tolist()
    return found


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (lambda t: t["temperature"] > 20, [1, 30]),
        (lambda t: t["temperature"] >= 20.5, [1, 30]),
        (lambda t: 21 > t["temperature"], [1, 4]),  # noqa: SIM300 - it is the table's operator all the same
        (lambda t: t["temperature"] <= 15, [4]),
        (lambda t: t["station"] == "a", [1, 30]),
        (lambda t: t["station"] != "a", [2, 4]),
        (lambda t: (t["station"] == "a") & (t["low"] < 10), [1]),
        (lambda t: (t["station"] == "b") | (t["station"] == "c"), [2, 4]),
        (lambda t: ~(t["station"] == "a"), [2, 4]),
        (lambda t: t["temperature"].is_null(), [2]),
        (lambda t: ~t["temperature"].is_null(), [1, 30, 4]),
        (lambda t: t["low"] > t["temperature"], [30]),
        (lambda t: (t["low"] + 1) * 2 - 1 > 10 / t["low"], [30, 4]),
        (lambda t: 5 - t["low"] == 1 + t["low"], [2]),
        (lambda t: t["day"] > DAY, [30, 4]),
        (lambda t: t["day"] == dt.date(2026, 1, 2), [2]),
        (lambda t: t["low"] == pd.Series([30]).iloc[0], [30]),
    ],
)
def test_rows_are_chosen_by_a_condition(
    table: TabularDataset, condition: Callable[[Any], Any], rows: list[int]
) -> None:
    assert low(table.filter(condition(table))) == rows


def test_conditions_come_in_the_order_of_the_steps(table: TabularDataset) -> None:
    assert low(table.filter(table["low"] > 1).take(2)) == [2, 30]
    assert low(table.take(2).filter(table["low"] > 1)) == [2]
    assert low(table.filter(table["low"] > 1).filter(table["low"] < 30).skip(1)) == [4]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda t: t.filter(t["nope"] > 1), "no column 'nope'. Available: day, station"),
        (lambda t: t.filter(t["station"] > 1), "cannot be filtered by this condition"),
        (lambda t: t.filter(t["low"]), "needs a condition"),
        (lambda t: t.filter(True), "needs a condition"),
        (lambda t: t.filter((t["low"] > 1) and (t["low"] < 3)), "with & | ~"),
        (lambda t: t.filter(t["low"] == [1]), "not with list"),
        (lambda t: t.filter(t["station"] > DAY), "compared with a time does not contain times"),
        (lambda t: t[["low"]], "by its name"),
        (lambda t: t.time_after(DAY), "no timestamp column"),
        (lambda t: t.with_timestamp_columns("day").time_after("2026-01-02"), "by a datetime"),
        (lambda t: t.with_timestamp_columns("nope", validate=True), "no column 'nope'"),
        (lambda t: t.with_timestamp_columns("station", validate=True), "column 'station' does not contain times"),
        (lambda t: t.sample("top_n", {}), "needs the argument 'n'"),
        (lambda t: t.sample("simple_random", {"probability": 2}), "from 0 to 1"),
        (lambda t: t.sample("magic", {}), "top_n, simple_random or stratified"),
    ],
)
def test_what_cannot_be_chosen_is_said(table: TabularDataset, wrong: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(UserErrorException) as raised:
        wrong(table).to_pandas_dataframe()
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("choose", "rows"),
    [
        (lambda t: t.time_before(DAY), [1, 2]),
        (lambda t: t.time_before(DAY, include_boundary=False), [1]),
        (lambda t: t.time_after(DAY), [2, 30, 4]),
        (lambda t: t.time_after(DAY, include_boundary=False), [30, 4]),
        (lambda t: t.time_after(DAY.replace(tzinfo=dt.timezone(dt.timedelta(hours=-1)))), [30, 4]),
        (lambda t: t.time_between(start_time=DAY, end_time=dt.datetime(2026, 1, 3)), [2, 30]),
        (lambda t: t.time_between(DAY, dt.datetime(2026, 1, 4), include_boundary=False), [30]),
        (lambda t: t.time_recent(dt.datetime.now(UTC) - dt.datetime(2026, 1, 2, 12, tzinfo=UTC)), [30, 4]),
    ],
)
@pytest.mark.parametrize("zone", ["", "T00:00Z"])
def test_rows_are_chosen_by_time(
    table: TabularDataset, tmp_path: Path, choose: Callable[[Any], Any], rows: list[int], zone: str
) -> None:
    text = (tmp_path / "weather.csv").read_text()
    (tmp_path / "weather.csv").write_text(re.sub("(-0.)(,[abc])", rf"\1{zone}\2", text))
    assert low(choose(table.with_timestamp_columns(timestamp="day"))) == rows


def test_timestamp_columns(table: TabularDataset) -> None:
    assert table.timestamp_columns == (None, None)
    old = table.with_timestamp_columns(fine_grain_timestamp="day", coarse_grain_timestamp="day")
    assert old.timestamp_columns == ("day", "day")
    assert old.with_timestamp_columns(None).timestamp_columns == (None, None)
    assert old.to_pandas_dataframe()["day"].dtype.kind == "M"
    with pytest.raises(TypeError, match=r"no parameter 'timestmp'\. Did you mean 'timestamp'"):
        table.with_timestamp_columns(timestmp="day")


def test_samples(tmp_path: Path) -> None:
    pd.DataFrame({"kind": ["a", "b"] * 500, "low": range(1000)}).to_csv(tmp_path / "many.csv", index=False)
    table = Dataset.Tabular.from_delimited_files(str(tmp_path / "many.csv"))
    assert low(table.sample("top_n", {"n": 3})) == [0, 1, 2]
    some = table.sample("simple_random", {"probability": 0.5, "seed": 7})
    assert 400 < len(low(some)) < 600
    assert low(some) == low(table.sample("simple_random", {"probability": 0.5, "seed": 7})) == low(some)
    unseeded = table.sample("simple_random", {"probability": 0.5})
    assert low(unseeded) == low(unseeded)
    left, right = table.random_split(0.3, seed=1)
    assert sorted(low(left) + low(right)) == list(range(1000))
    assert 200 < len(low(left)) < 400
    for columns, keys in (("kind", ("a", "b")), (["kind"], (("a",), ("b",)))):
        arguments = {"columns": columns, "fractions": {keys[0]: 1.0, keys[1]: 0.1}, "seed": 3}
        rows = low(table.sample("stratified", arguments))
        assert len([row for row in rows if row % 2 == 0]) == 500
        assert 20 < len([row for row in rows if row % 2]) < 90


@pytest.mark.parametrize("separator", ["\n", "\r\n"])
def test_each_line_is_one_value(home: Path, tmp_path: Path, separator: str) -> None:
    """As v1's documentation makes the requests that a model is profiled with."""
    bodies = [json.dumps({"data": [[0.5, -1], ["a,b", None]]}), '"text, in quotes"', 'an odd " quote']
    (tmp_path / "requests.txt").write_text(separator.join(bodies))
    table = Dataset.Tabular.from_delimited_files(
        str(tmp_path / "requests.txt"), separator=separator, header=PromoteHeadersBehavior.NO_HEADERS
    )
    assert table.to_pandas_dataframe().to_dict("list") == {"Column1": bodies}


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_is_written_to_csv_files(table: TabularDataset, separator: str, tmp_path: Path) -> None:
    files = table.filter(table["low"] > 1).to_csv_files(separator)
    assert files.to_path() == ["/part-00000.csv"]
    path = files.download(str(tmp_path / "files"))[0]
    frame = pd.read_csv(path, sep=separator)
    assert (list(frame), frame["low"].tolist()) == (["day", "station", "temperature", "low"], [2, 30, 4])
    assert files._definition == table.filter(table["low"] > 1).to_csv_files(separator)._definition


def test_a_table_is_written_to_parquet_files(table: TabularDataset, tmp_path: Path) -> None:
    files = table.to_parquet_files()
    assert files.to_path() == ["/part-00000.parquet"]
    pd.testing.assert_frame_equal(
        pd.read_parquet(files.download(str(tmp_path / "files"))[0]), table.to_pandas_dataframe()
    )


@pytest.mark.parametrize(
    ("run_id", "advice"), [("", "pip install pandas"), ("r_1", "add pandas to the run's pip_packages")]
)
def test_what_to_do_without_pandas(
    table: TabularDataset, monkeypatch: pytest.MonkeyPatch, run_id: str, advice: str
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    if run_id:
        monkeypatch.setenv("TRAINSHED_RUN_ID", run_id)
    else:
        monkeypatch.delenv("TRAINSHED_RUN_ID", raising=False)
    with pytest.raises(UserErrorException) as raised:
        table.to_pandas_dataframe()
    assert raised.value.message == f"Reading a table needs pandas: {advice}."
