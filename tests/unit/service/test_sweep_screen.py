"""What the screen of a sweep is made of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trainshed.errors import NotFoundException
from trainshed.service.page.sweep import screen
from trainshed.spec import states
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.spec.sweep import SweepSpec
from trainshed.store.database import Database
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.sweeps import Sweeps

SPACE: dict[str, Any] = {
    "rate": ["loguniform", [-6, 0]],
    "width": ["choice", [[64, 16, 128]]],
    "kind": ["choice", [["b", "a", [1, 2]]]],
    "layers": ["randint", [4]],
    "drop": ["quniform", [0, 0.5, 0.1]],
    "noise": ["normal", [0, 1]],
    "fixed": 7,
}
TRIALS: list[dict[str, Any]] = [
    {"rate": 0.123456789, "width": 16, "kind": [1, 2], "layers": 3, "drop": 0.1, "noise": -1.5, "fixed": 7},
    {"rate": 0.01, "width": 128, "kind": "a", "layers": 0, "drop": 0.5, "noise": 0.5, "fixed": 7},
    {"rate": "other", "kind": "c"},  # of a sweep with another space, from which this one was resumed
    {},
]
LOGGED: list[list[Any]] = [[0.5, 0.25, math.nan], [1.0, "text", 1e9], []]


def test_a_sweep_in_columns(tmp_path: Path) -> None:
    database = Database(tmp_path / "history.db")
    history, metrics, sweeps = History(database), Metrics(database), Sweeps(database)
    context = cast("Any", SimpleNamespace(database=database, history=history))
    spec = SweepSpec("random", json.dumps(SPACE), "loss", False, 8, 2)
    own = RunSpec("e", kind="hyperdrive", target="lab")
    history.create_run("HD", "s", own, 1.0, queued=False, also=lambda to: sweeps.add(to, "HD", spec, to_json(own)))
    for number, parameters in enumerate(TRIALS):
        run = f"HD_{number}" if number else "HD_0_attempt_2"
        sweeps.propose("HD", number, parameters, run)
        if number == 3:
            continue
        history.create_run(run, run, RunSpec("e", parent="HD"), 2.0)
        history.move(run, states.RUNNING, now=10.0 + number)
        points = [(i, {"k": "metric", "n": "loss", "v": v, "t": 1.0}) for i, v in enumerate(LOGGED[number])]
        metrics.append(run, points, 9)
    history.move("HD_0_attempt_2", states.COMPLETED, now=14.5)
    error = {"error": {"message": "ValueError: no"}}
    history.move("HD_2", states.FAILED, now=13.0, reason="exit", details=error)
    found = screen(context, "HD")
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    assert found["sweep"]["target"] == "lab"
    axes = {axis.pop("name"): axis for axis in found["axes"]}
    assert list(axes) == ["rate", "width", "kind", "layers", "drop", "noise"]  # what is the same in all is none
    assert axes["rate"] == {"log": True, "low": math.exp(-6), "high": 1.0, "stepped": False}
    assert axes["width"] == {"choice": ["16", "64", "128"]}
    assert axes["kind"] == {"choice": ["b", "a", "[1, 2]"]}
    assert axes["layers"] == {"log": False, "low": 0, "high": 3, "stepped": True}
    assert axes["drop"] == {"log": False, "low": 0, "high": 0.5, "stepped": True}
    assert axes["noise"] == {"log": False, "stepped": False}
    trials = found["trials"]
    assert (trials["number"], trials["state"], trials["best"]) == ([0, 1, 2, 3], "crfn", [0.25, 1.0, None, None])
    assert (trials["begin"], trials["started"], trials["took"]) == (10.0, [0.0, 1.0, 2.0, None], [4.5, None, 1.0, None])
    assert dict(zip(axes, trials["values"], strict=True)) == {
        "rate": [0.123457, 0.01, None, None],
        "width": [0, 2, None, None],
        "kind": [2, 1, None, None],
        "layers": [3, 0, None, None],
        "drop": [0.1, 0.5, None, None],
        "noise": [-1.5, 0.5, None, None],
    }
    assert (trials["ids"], trials["errors"]) == ({0: "HD_0_attempt_2"}, {2: "ValueError: no"})
    assert found["importance"] == {"trials": 1, "shares": []}
    with pytest.raises(NotFoundException):
        screen(context, "HD_1")
    database.close()
