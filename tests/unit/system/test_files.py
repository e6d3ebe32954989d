"""Files are whole or as they were."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from trainshed.system import files


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 50)
    files.write(str(path), "first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(TypeError), files.replacing(str(path)) as file:
        file.writelines([b"sec", None])  # type: ignore[list-item]
    assert path.read_text() == "first"
    with files.replacing(str(path), durable=True) as file:
        file.write(b"second")
        assert path.read_text() == "first"
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_one_of_many_writes_a_file_once(tmp_path: Path) -> None:
    won: list[int] = []
    ready = threading.Barrier(8)

    def write(who: int) -> None:
        ready.wait()
        if files.write_once(str(tmp_path / "claim"), str(who)):
            won.append(who)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "claim").read_text() == str(won[0])
    assert len(won) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["claim"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff"])
def test_a_json_file_that_says_nothing_is_as_good_as_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "below" / "cache.json"
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    assert files.read_json(str(path)) == {}
    files.write_json(str(path), {"a": 1})
    assert files.read_json(str(path)) == {"a": 1}


def test_a_durable_file_and_its_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def noted(fd: int) -> None:
        synced.append(Path(f"/dev/fd/{fd}").resolve().name)
        real(fd)

    monkeypatch.setattr(os, "fsync", noted)
    files.write(str(tmp_path / "exit.json"), "{}", durable=True)
    assert len(synced) == 2
    assert synced[0].endswith(".part")
    assert synced[1] == tmp_path.name
