"""Long lists and tables are written as several events, at once, and read back as one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from trainshed.runtime import journal as module
from trainshed.runtime.errors import UserErrorException
from trainshed.runtime.journal import Journal
from trainshed.runtime.tables import Tables, read

LONG = list(range(400_000))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("list", LONG),
        ("list", ["x" * (3 << 20), 1, 2]),
        ("table", {"a": LONG, "b": LONG}),
        ("table", {"a": 1, "b": "x" * (3 << 20)}),
        ("row", {"a": 1, "b": "x" * (3 << 20)}),
    ],
)
def test_large_values_read_back(kind: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(str(path)).event(kind, "big", value)
    assert read(str(path), Tables()).metrics() == {"big": value}
    lines = path.read_bytes().splitlines()
    assert all(json.loads(line)["n"] == "big" and len(line) < 4 << 20 for line in lines)


@pytest.mark.parametrize("done", [10, 3 << 20])
def test_the_rest_of_an_interrupted_write_is_written_once(
    done: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, left = tmp_path / "journal.jsonl", os.write, [done]
    journal = Journal(str(path))
    journal.event("tag", "first")

    def short(fd: int, data: bytes) -> int:
        return write(fd, data[: left.pop()] if left else data)

    monkeypatch.setattr(os, "write", short)
    journal.event("list", "big", LONG)
    assert read(str(path), Tables()).metrics() == {"big": LONG}


@pytest.mark.parametrize("name", ["x" * 70_000, "short"])
def test_too_long(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_EVENT", 1000)
    journal = Journal(str(tmp_path / "journal.jsonl"))
    with pytest.raises(UserErrorException, match="the limit is"):
        journal.scalar(name, "x" * 1000)
    with pytest.raises(UserErrorException, match="the limit is"):
        journal.event("list", name, ["x"] * 1000)
    assert not (tmp_path / "journal.jsonl").exists()
