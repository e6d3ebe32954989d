"""Tags and properties of runs: text by name, with limits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.runtime.values import label

Labels = dict[str, str | None]


def checked(labels: Mapping[str, Any]) -> Labels:
    """Return labels as text, if none is too long.

    Raises:
        UserErrorException: a name that is not text, is empty or too long, or a value that is too long.
    """
    return dict(label(key, value) for key, value in labels.items())


def with_properties(old: Labels, new: Labels) -> Labels:
    """Return properties with new ones added.

    Raises:
        UserErrorException: a property already has another value.
    """
    for key, value in new.items():
        if old.get(key, value) != value:
            raise UserErrorException(f"Property '{key}' is '{old[key]}' and cannot be changed. Use a tag instead.")
    return {**old, **new}


def load(write: sqlite3.Connection, run_id: str, column: str) -> Labels:
    """Read the tags or properties of a run inside a transaction.

    Args:
        write: the transaction's connection.
        run_id: the run.
        column: ``"tags"`` or ``"properties"``.
    """
    row = write.execute(f"SELECT {column} FROM runs WHERE id = ?", (run_id,)).fetchone()
    labels: Labels = json.loads(row[0])
    return labels


def save(write: sqlite3.Connection, run_id: str, column: str, labels: Labels) -> None:
    """Replace the tags or properties of a run inside a transaction; parameters as for :func:`load`."""
    write.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (json.dumps(labels), run_id))
