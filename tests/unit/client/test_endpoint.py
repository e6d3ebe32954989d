"""What stands in service.json is believed only if it can be this user's service's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_user import USER

from trainshed.client.embedded import connect
from trainshed.client.endpoint import read
from trainshed.errors import WorkspaceException

FACTS: dict[str, Any] = {"pid": 7, "port": 80, "token": "t", "version": "0.2.0", "socket": "/s", "settings": {}}


def written(root: Path, content: str, mode: int = 0o600) -> Path:
    path = root / "service.json"
    path.touch(mode=0o600)
    path.write_text(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("changes", [{}, {"socket": None}, {"settings": None}, {"more": [1]}])
def test_what_a_service_wrote(tmp_path: Path, changes: dict[str, Any]) -> None:
    written(tmp_path, json.dumps({**FACTS, **changes}))
    assert read(str(tmp_path)) == {**FACTS, **changes}


CHANGES: list[dict[str, Any]] = [
    {"pid": 0}, {"pid": -1}, {"pid": "7"}, {"port": 0}, {"port": 65536}, {"port": None}, {"token": ""}, {"token": "é"},
    {"token": 3}, {"version": None}, {"version": "new"}, {"socket": 3}, {"socket": "/a\0b"}, {"settings": []},
]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "[" * 60_000, "\0", '{"pid": 1}', " " * 70_000]
    + [json.dumps({**FACTS, **changed}) for changed in CHANGES],
)
def test_what_no_service_wrote(tmp_path: Path, content: str) -> None:
    written(tmp_path, content)
    assert read(str(tmp_path)) is None


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("other.json", path)])
def test_what_is_no_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    written(tmp_path, json.dumps(FACTS)).rename(tmp_path / "other.json")
    make(tmp_path / "service.json")
    assert read(str(tmp_path)) is None


def test_a_token_that_others_can_read(tmp_path: Path) -> None:
    written(tmp_path, json.dumps(FACTS), 0o644)
    with pytest.raises(WorkspaceException, match=r"could be read by others\. Run: chmod 600 .*service stop"):
        read(str(tmp_path))


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")


@needs_root
def test_a_file_of_another_user(tmp_path: Path) -> None:
    os.chown(written(tmp_path, json.dumps(FACTS)), USER, USER)
    assert read(str(tmp_path)) is None


@needs_root
def test_a_folder_of_another_user(tmp_path: Path) -> None:
    written(tmp_path, json.dumps({**FACTS, "pid": os.getpid()}))
    os.chown(tmp_path, USER, USER)
    with pytest.raises(WorkspaceException, match=f"belongs to another user, '{USER}', and you run as"):
        connect(str(tmp_path))


def test_a_folder_that_all_can_write_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(WorkspaceException, match=r"Run: chmod o-w"):
        connect(str(tmp_path))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceException, match="There is no workspace at"):
        connect(str(tmp_path / "none"))
