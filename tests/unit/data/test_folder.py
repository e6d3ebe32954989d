from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from trainshed.data.folder import attach, detach
from trainshed.errors import NotFoundException
from trainshed.spec.run import DataSpec


@pytest.fixture
def place(tmp_path: Path) -> tuple[dict[str, str], str, str]:
    store = tmp_path / "store"
    (store / "a" / "b").mkdir(parents=True)
    (store / "a" / "b" / "x.csv").write_text("1")
    (store / "a" / "y.csv").write_text("2")
    os.symlink("/etc/passwd", store / "a" / "link")
    (tmp_path / "run" / "code").mkdir(parents=True)
    return {"kind": "folder", "path": str(store)}, str(tmp_path / "run"), str(tmp_path / "run" / "code")


def test_mount_is_the_folder_itself(place: Any) -> None:
    path = attach(DataSpec("d", "s", "a"), *place)
    assert Path(path, "b", "x.csv").read_text() == "1"
    Path(path, "new").write_text("written through")
    assert Path(place[0]["path"], "a", "new").read_text() == "written through"
    assert attach(DataSpec("d", "s", "a"), *place) == path, "a second try finds it made"


def test_download_copies_and_follows_no_link(place: Any) -> None:
    path = attach(DataSpec("d", "s", "a", "download", "local/dir"), *place)
    assert path == os.path.join(place[2], "local/dir")
    assert sorted(os.listdir(path)) == ["b", "y.csv"]
    Path(path, "y.csv").write_text("changed")
    assert Path(place[0]["path"], "a", "y.csv").read_text() == "2"


def test_download_of_one_file(place: Any) -> None:
    path = attach(DataSpec("d", "s", "a/y.csv", "download"), *place)
    assert Path(path).read_text() == "2"


def test_upload_happens_after_and_keeps_what_is_there(place: Any) -> None:
    for overwrite, expected in ((False, "2"), (True, "new")):
        item = DataSpec("u", "s", "a", "upload", "results", overwrite=overwrite)
        folder = Path(attach(item, *place))
        (folder / "y.csv").write_text("new")
        (folder / "z.csv").write_text("z")
        detach(item, *place)
        assert Path(place[0]["path"], "a", "y.csv").read_text() == expected
        assert Path(place[0]["path"], "a", "z.csv").read_text() == "z"


def test_what_is_not_there_is_said(place: Any) -> None:
    with pytest.raises(NotFoundException, match="nothing at 'nope'"):
        attach(DataSpec("d", "s", "nope", "download"), *place)


def test_mount_makes_a_folder_that_is_not_there_as_accessible_as_the_one_above(place: Any) -> None:
    above = Path(place[0]["path"], "a")
    above.chmod(0o751)
    path = Path(attach(DataSpec("d", "s", "a/new/deep"), *place))
    (path / "model.pkl").write_text("model")
    made = above / "new" / "deep"
    assert (made / "model.pkl").read_text() == "model"
    assert {each.stat().st_mode & 0o777 for each in (made, made.parent)} == {0o751}


def test_mount_of_a_folder_below_a_file_is_an_error(place: Any) -> None:
    with pytest.raises(OSError, match=r"y\.csv"):
        attach(DataSpec("d", "s", "a/y.csv/new"), *place)
