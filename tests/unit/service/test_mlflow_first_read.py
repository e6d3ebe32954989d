"""What MLflow's clients read first after the service has started."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from trainshed.service.mlflow import search_routes
from trainshed.store.database import Database
from trainshed.store.metrics import Metrics
from trainshed.store.mlflow import Mlflow


def test_what_was_made_before_anybody_asked_is_what_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    database = Database(path)
    with closing(sqlite3.connect(path)) as write, write:
        write.execute("INSERT INTO experiments (name, created, runs, id) VALUES ('many', 1, 2, 'e1')")
        for number, status in enumerate(("Completed", "Running"), 1):
            made = {"id": f"warm-{number}", "submit_id": number, "experiment": "many", "number": number, "kind": ""}
            made |= {"target": "", "display_name": f"run {number}", "status": status, "terminal": status[0] == "C"}
            made |= {"priority": 0, "created": number, "tags": '{"a": "b"}', "properties": '{"mlflow.param.lr": "0.1"}'}
            marks = ", ".join("?" * len(made))
            write.execute(f"INSERT INTO runs ({', '.join(made)}) VALUES ({marks})", list(made.values()))
    context: Any = SimpleNamespace(mlflow=Mlflow(database))
    search_routes._warm(context)
    assert {"warm-1", "warm-2"} & set(search_routes._kept) == {"warm-1"}  # the other one goes on
    kept = search_routes._kept["warm-1"][1]
    context.history = SimpleNamespace(list_runs=lambda **_: [])
    told = search_routes.search(context, {"experiment_ids": ["e1"]})
    assert kept in told
    assert [run["info"]["run_name"] for run in json.loads(told)["runs"]] == ["run 2", "run 1"]
    with closing(sqlite3.connect(path)) as write, write:
        write.execute('UPDATE runs SET tags = \'{"a": "c"}\'')
    assert b'{"key":"a","value":"b"}' not in search_routes.search(context, {"experiment_ids": ["e1"]})
    event = {"k": "metric", "n": "loss", "t": 2.0}
    for step, value in ((1, 0.5), (2, 0.25)):
        Metrics(database).add("warm-1", [{**event, "s": step, "v": value}])
        assert f'"value":{value}'.encode() in search_routes.search(context, {"experiment_ids": ["e1"]})
    database.close()
