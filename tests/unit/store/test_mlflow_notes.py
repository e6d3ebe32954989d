from __future__ import annotations

from pathlib import Path

from trainshed.store.database import Database
from trainshed.store.mlflow import LOGGED_MODEL, Mlflow


def test_a_note_that_was_deleted_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "h.db")
    notes = Mlflow(database)
    notes.change(LOGGED_MODEL, "m-1", lambda _: {"params": {}})
    assert notes.amend(LOGGED_MODEL, "m-1", lambda kept: {**kept, "tags": {}}) == {"params": {}, "tags": {}}
    assert notes.forget(LOGGED_MODEL, "m-1")
    assert notes.amend(LOGGED_MODEL, "m-1", lambda kept: {**kept, "tags": {"a": "b"}}) is None
    assert notes.notes(LOGGED_MODEL) == {}
    database.close()
