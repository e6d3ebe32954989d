from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.experiments import Experiments
from trainshed.store.history import History


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "h.db")
    yield database
    database.close()


def test_labels_and_the_archive(database: Database) -> None:
    experiments = Experiments(database)
    made = experiments.ensure("e", 1.0)
    assert experiments.ensure("e", 2.0) == made
    assert len(made["id"]) == 32
    assert experiments.set_tags("e", {"a": 1, "b": None}, ["none"])["tags"] == {"a": "1", "b": None}
    assert experiments.set_tags("e", {}, ["a"])["tags"] == {"b": None}
    assert experiments.archive("e", 3.0)["archived"] == 3.0
    assert experiments.archive("e", None)["archived"] is None
    with pytest.raises(UserErrorException, match="Invalid experiment name"):
        experiments.ensure("no name", 1.0)


def test_renamed_with_its_runs(database: Database) -> None:
    experiments, history = Experiments(database), History(database)
    history.create_run("r", "s", RunSpec("e", script="t.py"), 1.0)
    experiments.ensure("other", 1.0)
    assert experiments.rename("e", "new")["runs"] == 1
    assert history.get("r")["experiment"] == "new"
    with pytest.raises(UserErrorException, match="already"):
        experiments.rename("new", "other")
    with pytest.raises(NotFoundException, match="no experiment 'e'"):
        experiments.get("e")


def test_only_empty_ones_are_deleted(database: Database) -> None:
    experiments, history = Experiments(database), History(database)
    experiments.delete(experiments.ensure("empty", 1.0)["id"])
    assert experiments.list() == []
    history.create_run("r", "s", RunSpec("e", script="t.py"), 1.0)
    with pytest.raises(UserErrorException, match="has 1 runs"):
        experiments.delete("e")


def test_descendants(database: Database) -> None:
    history = History(database)
    for run, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", None)):
        history.create_run(run, run, RunSpec("e", script="t.py", parent=parent), 1.0)
    assert [each["id"] for each in history.list_runs(ancestor="a")] == ["c", "b"]
    assert [each["id"] for each in history.list_runs(top=True)] == ["d", "a"]
    assert [each["id"] for each in history.list_runs(parent="a")] == ["b"]
