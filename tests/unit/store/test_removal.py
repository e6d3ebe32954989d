from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.store import git_diffs
from trainshed.store.catalog import Catalog
from trainshed.store.database import Database
from trainshed.store.experiments import Experiments
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.removal import Limits, Removal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "history.db")
    yield made
    assert made.check() == []
    made.close()


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


@pytest.fixture
def removal(database: Database, history: History) -> Removal:
    return Removal(database, history)


def put(history: History, name: str, ended: float | None = None, **change: object) -> str:
    spec = RunSpec(**{"experiment": "e", "script": "t.py", **change})  # type: ignore[arg-type]
    history.create_run(name, f"submit-{name}", spec, 1.0)
    if ended is not None:
        history.move(name, "Canceled", now=ended)
    return name


def filled(database: Database, run_id: str) -> None:
    Metrics(database).append(run_id, [(n, {"k": "metric", "n": "m", "v": n}) for n in range(10)], 10)
    Files(database).replace(run_id, [("a", 1, "0" * 64, 1.0)])


def rows(database: Database) -> dict[str, int]:
    names = database.column("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return {name: database.column(f"SELECT count(*) FROM {name}")[0] for name in names}


def test_nothing_of_a_run_is_left(database: Database, history: History, removal: Removal) -> None:
    before = rows(database)
    put(history, "a", 2.0)
    filled(database, "a")
    put(history, "kept", 2.0)
    filled(database, "kept")
    assert removal.delete("a", children=False) == ["a"]
    assert rows(database)["points"] == 10
    assert Metrics(database).read("kept") == {"m": list(range(10))}
    removal.delete("kept", children=False)
    assert rows(database) == {**before, "experiments": 1}
    with pytest.raises(NotFoundException):
        removal.delete("a", children=False)


def test_a_number_is_not_used_again(database: Database, history: History, removal: Removal) -> None:
    put(history, "a", 2.0)
    put(history, "b", 2.0)
    removal.delete("b", children=False)
    assert history.get(put(history, "c"))["number"] == 3
    assert Experiments(database).get("e")["runs"] == 2


def test_an_experiment_whose_runs_have_gone_can_be_deleted(
    database: Database, history: History, removal: Removal
) -> None:
    put(history, "a", 2.0)
    with pytest.raises(UserErrorException, match="has 1 runs"):
        Experiments(database).delete("e")
    removal.delete("a", children=False)
    Experiments(database).delete("e")


def test_what_has_not_ended_stays(history: History, removal: Removal) -> None:
    put(history, "a")
    with pytest.raises(UserErrorException, match=r"is Queued and cannot be removed. Cancel it first"):
        removal.delete("a", children=False)
    put(history, "parent", 2.0)
    put(history, "child", parent="parent")
    with pytest.raises(UserErrorException, match=r"has 1 child runs, such as 'child'.*rm --children parent"):
        removal.delete("parent", children=False)
    with pytest.raises(UserErrorException, match="'child' is Queued"):
        removal.delete("parent", children=True)
    put(history, "grandchild", 2.0, parent="child")
    history.move("child", "Canceled", now=3.0)
    assert sorted(removal.delete("parent", children=True)) == ["child", "grandchild", "parent"]
    assert [run["id"] for run in history.list_runs()] == ["a"]


def test_which_runs_are_candidates(history: History, removal: Removal) -> None:
    for number, ended in enumerate([10.0, 20.0, 30.0, None]):
        put(history, f"r{number}", ended)
    put(history, "other", 10.0, experiment="f")
    put(history, "parent", 10.0)
    put(history, "child", 40.0, parent="parent")
    put(history, "busy", 10.0)
    put(history, "at-work", parent="busy")

    def roots(**limits: object) -> list[str]:
        return [root for root, _ in removal.candidates(Limits(**limits))]  # type: ignore[arg-type]

    assert roots() == []
    assert roots(ended_before=25.0) == ["r0", "r1", "other"]
    assert roots(ended_before=99.0) == ["r0", "r1", "r2", "other", "parent"]
    assert roots(keep=0) == roots(ended_before=99.0)
    # "busy", "parent" and "r3" are the newest of theirs.
    assert roots(keep=3) == ["r0", "r1", "r2"]
    assert roots(keep=100) == []
    assert roots(ended_before=15.0, keep=1) == ["r0"]
    assert dict(removal.candidates(Limits(99.0)))["parent"] == ["parent", "child"]


def test_which_snapshots_are_needed(database: Database, history: History, removal: Removal) -> None:
    put(history, "a", snapshot="1" * 64)
    put(history, "b", snapshot="2" * 64)
    put(history, "c")
    assert removal.needed_snapshots(but=set()) == {"1" * 64, "2" * 64}
    assert removal.needed_snapshots(but={"a"}) == {"2" * 64}
    assert removal.known(["a", "c", "nothing"]) == {"a", "c"}
    Catalog(database).add("image", "mine", {"record": {"spec": {"snapshot": "3" * 64}}}, 1.0)
    assert removal.needed_snapshots(but={"a", "b"}) == {"3" * 64}
    Catalog(database).delete("image", "mine", 1)
    assert removal.needed_snapshots(but={"a", "b"}) == set()


def test_every_table_that_refers_to_a_run_is_known(database: Database, history: History, removal: Removal) -> None:
    from trainshed.store.removal import _OF_A_RUN

    tables = database.column("SELECT name FROM sqlite_master WHERE type = 'table'")
    of_a_run = {
        name for name in tables if database.one(f"SELECT 1 FROM pragma_table_info('{name}') WHERE name = 'run'")
    }
    assert {statement.split()[2] for statement in _OF_A_RUN} == of_a_run | {"points", "blocks", "records", "runs"}


def test_the_difference_from_git_goes_with_its_run(database: Database, history: History, removal: Removal) -> None:
    history.create_run("with-diff", "with-diff", RunSpec(experiment="e"), 1.0, queued=False)
    git_diffs.keep(database, "with-diff", "+a")
    assert git_diffs.of(database, "with-diff") == "+a"
    history.request_cancel("with-diff", 2.0)
    removal.delete("with-diff", children=False)
    assert git_diffs.of(database, "with-diff") == ""
