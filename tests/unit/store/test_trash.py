from __future__ import annotations

import os
from pathlib import Path

from trainshed.store.trash import Trash, usage


def folder(path: Path) -> Path:
    (path / "below").mkdir(parents=True)
    (path / "file").write_bytes(b"x" * 10_000)
    (path / "below" / "file").write_bytes(b"x" * 10_000)
    (path / "link").symlink_to("/etc")
    return path


def test_what_is_put_in_is_gone_from_its_place_at_once(tmp_path: Path) -> None:
    trash = Trash(tmp_path)
    assert trash.put(folder(tmp_path / "a"))
    assert not trash.put(tmp_path / "a")
    assert trash.put(folder(tmp_path / "a"))  # the same name again
    assert not (tmp_path / "a").exists()
    assert len(trash.content()) == 2
    trash.empty()
    trash.empty()
    assert trash.content() == []
    assert Path("/etc").is_dir()


def test_folders_without_permissions_go_too(tmp_path: Path) -> None:
    locked = folder(tmp_path / "a") / "below"
    locked.chmod(0)
    (tmp_path / "a").chmod(0o500)
    trash = Trash(tmp_path)
    trash.put(tmp_path / "a")
    trash.empty()
    assert trash.content() == []


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    kept = folder(tmp_path / "kept")
    (tmp_path / "link").symlink_to(kept)
    trash = Trash(tmp_path)
    assert trash.put(tmp_path / "link")
    trash.empty()
    assert (kept / "file").is_file()


def test_usage_counts_a_file_with_two_names_once(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    alone = usage(one)
    assert alone >= 20_000
    os.link(one / "file", one / "second")
    assert usage(one) == usage(one, alone=True) == alone
    os.link(one / "file", tmp_path / "elsewhere")
    assert usage(one, tmp_path / "elsewhere") == usage(one) == alone
    assert usage(one, alone=True) < alone - 9_999
