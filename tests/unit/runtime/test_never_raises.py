"""Whatever a script hands to a call that records, training continues."""

from __future__ import annotations

import enum
import inspect
import itertools
import math
from pathlib import Path
from typing import Any

import pytest

from trainshed.runtime import errors
from trainshed.runtime.offline import OfflineRun
from trainshed.runtime.run import Run

RECORDS = ("log", "tag", "set_", "remove_", "add_", "upload_", "flush", "start", "complete", "fail", "cancel")
"""How the names of calls that record begin. Those that give something back raise where it is not there."""


class Hostile:
    """Raises at whatever is asked of it."""

    def _raise(self, *_: object) -> Any:
        raise LookupError("asked")

    __str__ = __repr__ = __len__ = __iter__ = __float__ = __int__ = __bool__ = __eq__ = __hash__ = __fspath__ = _raise
    item = tolist = read = savefig = keys = items = shape = _raise


class Colour(enum.IntEnum):
    RED = 1


class Loud(Exception):
    def __str__(self) -> str:
        raise ValueError


class Thrower:
    def __float__(self) -> float:
        raise Loud

    item = tolist = read = savefig = items = __iter__ = __float__


LOOP: list[Any] = []
LOOP.append(LOOP)
ODD: list[Any] = [
    None, "", "a", "3", "a/../b", "nul\0", "\ud800", b"b", 0, -1, True, 1.5, math.nan, math.inf, 1 << 70, 1 << 20_000,
    1j, [], [1], ["a", [2]], (), {}, {"a": 1}, {"a": [1], "b": [1, 2]}, {1: {2: 3}}, {1}, range(3), object, object(),
    len, Colour.RED, ValueError("v"), Hostile(), Thrower(), LOOP, (i for i in "ab"),
]  # fmt: skip


@pytest.fixture(params=["in a job", "by hand"])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(errors, "_said", set())
    (tmp_path / "run").mkdir()
    return Run(str(tmp_path / "run"), "run-1") if request.param == "in a job" else OfflineRun()


CALLS = sorted(name for name in dir(Run) if name.startswith(RECORDS) and callable(getattr(Run, name)))


def test_all_calls_that_record_are_among_those_tried() -> None:
    assert {"log", "log_row", "log_predictions", "upload_folder", "add_properties", "set_tags", "fail"} < set(CALLS)
    assert set(CALLS) == {name for name in dir(OfflineRun) if name.startswith(RECORDS)} - {"tags"}


@pytest.mark.parametrize("name", CALLS)
def test_no_value_of_any_argument_raises(run: Any, name: str) -> None:
    call = getattr(run, name)
    parameters = [each for each in inspect.signature(call).parameters.values() if each.kind is not each.VAR_KEYWORD]
    given: list[Any] = ["plain", {"a": 1}, "", 1]
    for place, odd in itertools.product(range(len(parameters)), ODD):
        positional = given[: len(parameters)]
        positional[place : place + 1] = [odd]
        call(*positional)
    for words in ({"no_such": 1}, {"name": 1}, {"description": object()}, {"value": ODD}, {"step": "3"}):
        call(**words)
        if (name, *words) != ("log", "name"):  # twice the same argument: Python itself says so, before the call
            call("plain", **words)
    for count in range(len(parameters) + 3):
        call(*[1] * count)
    assert all(isinstance(run.get_metrics(odd), dict) for odd in ODD)
    assert isinstance(run.tags, dict)


def test_what_is_right_of_a_call_is_kept(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run.log("loss", 0.5, step="3")
    run.log("loss", 0.25, step=1 << 64)
    run.log("loss", 0.125, epoch=3)
    run.log_row("table", name="a", value=1)
    run.log_row(name="row", description="d", value=1)
    run.set_tags({"good": 2, Colour.RED: 1, "odd": Hostile()})
    assert run.get_metrics() == {"loss": [0.5, 0.25, 0.125], "table": {"name": "a", "value": 1}, "row": {"value": 1}}
    assert run.tags["good"] == "2"
    told = capsys.readouterr().err
    assert "a step must be a whole number of at most 64 bits. Metric 'loss' is logged without it." in told
    assert "not 'epoch'" in told
    assert ": LookupError: asked. Nothing was recorded; training continues." in told


def test_a_list_as_one_value_is_told_with_what_takes_it(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run.log("loss", [1, 2])
    assert run.get_metrics() == {}
    assert "use run.log_list for a list" in capsys.readouterr().err


def test_the_stream_for_warnings_may_be_anything(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Hostile())
    run.log("", 1)
