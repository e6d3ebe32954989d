"""Whatever stands where a file should stand is neither followed nor waited for, and never makes a reader fail."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any, Callable

import pytest
from odd_things import KINDS, USER, make, ordinary_user

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.system import confined, odd_files
from trainshed.system.removal import remove_inside

FILES = ("sparse", "unreadable", "empty", "half", "another type")
"""Kinds that are regular files."""
PLACES = ("here", "below", "below/here", "below/deep/here")


def refused(act: Callable[..., None], *args: Any) -> bool:
    """Tell whether something is refused because of what stands in its place."""
    try:
        act(*args)
    except OSError as error:
        return error.errno in {*confined.ODD, errno.EEXIST}
    return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "below" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "below" / "good").write_text('{"a": 1}')
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "good").write_text('{"secret": 1}')
    return tmp_path / "root"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_but_a_small_file_is_read(root: Path, kind: str, place: str) -> None:
    make(kind, root / place)
    assert confined.json_inside(root, place) == (
        {"pid": "x", "phase": [], "outcome": 1} if kind == "another type" else {}
    )
    assert len(confined.read_inside(root, place, 0, 100)) <= 100
    assert (confined.facts_inside(root, place) is not None) == (kind in FILES)
    odd = odd_files.oddity(root, place)
    assert ("a folder" if kind == "folder" else KINDS[kind]) in odd
    assert bool(odd) == (kind == "folder" or bool(KINDS[kind]))
    if kind not in FILES:
        with pytest.raises(NotFoundException):
            confined.open_inside(root, place)
    if kind not in (*FILES, "nothing"):
        assert refused(confined.append_inside, root, place, b"more")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_an_entry_that_is_no_file_is_left_out_and_said(root: Path, kind: str, place: str) -> None:
    make(kind, root / place)
    told: list[tuple[str, str]] = []
    names = [name for name, _ in confined.walk(root, "", lambda *each: told.append(each))]
    assert (place in names) == (kind in FILES)
    assert (f"{place}/in/it/file" in names) == (kind == "folder")
    assert set(names) <= {"below/good", place, f"{place}/in/it/file"}
    silent = kind in (*FILES, "folder", "nothing")
    assert told == ([] if silent else [(place, KINDS[kind])])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("folder", "nothing")])
def test_a_folder_to_be_walked_that_is_none_is_said(root: Path, kind: str) -> None:
    make(kind, root / "below")
    told: list[tuple[str, str]] = []
    assert list(confined.walk(root, "below", lambda *each: told.append(each))) == []
    assert list(confined.walk(root / "below", "", lambda *each: told.append(each))) == []
    assert told == [("", "not a folder"), ("", "not a folder")]
    assert confined.names_inside(root, "below") == []


@pytest.mark.parametrize("path", ["below/good", "below/x/good"])
def test_a_link_is_followed_at_no_level(root: Path, path: str) -> None:
    (root / "below" / "x").symlink_to("../../other")
    (root / "below").rename(root / "real")
    (root / "below").symlink_to("../other" if path == "below/good" else "real")
    with pytest.raises(NotFoundException):
        confined.open_inside(root, path)
    assert refused(confined.append_inside, root, path, b"")
    assert confined.facts_inside(root, path) is None
    assert [name for name, _ in confined.walk(root)] == ["real/good"]
    root.rename(root.parent / "moved")
    root.symlink_to("moved")
    assert confined.read_inside(root, "real/good", 0, 10) == b""
    assert list(confined.walk(root)) == []


def test_names_that_the_system_takes_are_listed_if_they_are_text(root: Path) -> None:
    names = ["a\\b", "c\nd\n", "\x1b[2J", "é", " ", "-rf", "%2e%2e"]
    for name in (*map(os.fsencode, names), b"\xff"):
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_text("x")
    told: list[tuple[str, str]] = []
    listed = [name for name, _ in confined.walk(root, "", lambda *each: told.append(each))]
    assert sorted(listed) == sorted([*names, "below/good"])
    assert [confined.read_inside(root, name, 0, 9) for name in names] == [b"x"] * len(names)
    assert odd_files.not_kept(told) == "1 file was not kept: '\\xff' (its name is not UTF-8)."


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "..", "../other/good", "below/../below/good", "below//good", "./below", "a\0b"]
)
def test_a_path_that_leaves_the_folder_is_refused(root: Path, path: str) -> None:
    with pytest.raises(UserErrorException, match="not valid"):
        confined.open_inside(root, path)
    assert confined.read_inside(root, path, 0, 10) == b""
    assert confined.json_inside(root, path) == {}


@pytest.mark.parametrize(("name", "levels", "listed"), [("d" * 250, 20, True), ("d", 150, True), ("d", 1000, False)])
def test_paths_may_be_longer_than_the_system_takes_at_once(root: Path, name: str, levels: int, listed: bool) -> None:
    fd = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    with os.fdopen(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=fd), "w") as file:
        file.write("deep")
    os.close(fd)
    try:
        path = f"{name}/" * levels + "file"
        told: list[tuple[str, str]] = []
        found = [each for each, _ in confined.walk(root, "", lambda *each: told.append(each))]
        assert (path in found) == listed
        assert bool(told) != listed
        assert confined.read_inside(root, path, 0, 10) == b"deep"
    finally:
        assert remove_inside(root.parent, "root")
    assert not root.exists()


@pytest.mark.parametrize("mode", [0, 0o100, 0o400])
def test_what_a_user_may_not_read_is_left_out_and_said(mode: int) -> None:
    told: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as outer:
        if os.geteuid() == 0:
            os.chown(outer, USER, USER)
        with ordinary_user():
            root = Path(outer) / "root"
            (root / "below" / "deep").mkdir(parents=True)
            (root / "below" / "good").write_text("{}")
            (root / "below").chmod(mode)
            assert list(confined.walk(root, "", lambda *each: told.append(each))) == []
            assert odd_files.oddity(root, "below/good") == "Permission denied"
            assert confined.json_inside(root, "below/good") == {}
            assert remove_inside(root, "below")
            assert list(root.iterdir()) == []
    assert {name for name, _ in told} == ({"below/deep", "below/good"} if mode == 0o400 else {"below"})
    assert {reason for _, reason in told} == {"Permission denied"}


def test_a_giant_of_holes_is_recognised_and_one_of_data_is_not(root: Path) -> None:
    with open(root / "giant", "wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 39)
        file.write(b"x")
    with open(root / "small", "wb") as file:
        file.truncate(1 << 20)
    with confined.open_inside(root, "giant") as giant, confined.open_inside(root, "small") as small:
        assert odd_files.sparse(giant)
        assert giant.read(1) == b"\0"
        assert not odd_files.sparse(small)
        assert confined.digest(small)[1] == 1 << 20


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"a": ' * 100_000, "[1]", "1" * 10_000, '"x"', "\ud800", " " * (1 << 20) + "{}"]
)
def test_json_that_is_no_small_object_is_none(root: Path, content: str) -> None:
    (root / "x.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert confined.json_inside(root, "x.json") == {}


@pytest.mark.parametrize("kind", KINDS)
def test_anything_is_removed_and_nothing_elsewhere(root: Path, kind: str) -> None:
    (root / "below" / "link").symlink_to("../../other")
    make(kind, root / "below" / "deep" / "odd")
    assert remove_inside(root, "below")
    assert list(root.iterdir()) == []
    assert (root.parent / "other" / "good").exists()
    assert remove_inside(root, "below")


def test_a_second_name_takes_the_place_of_a_file_and_of_no_folder(root: Path) -> None:
    (root / "second").write_text("old")
    confined.link_inside(root, "below/good", "second")
    assert (root / "second").samefile(root / "below" / "good")
    assert refused(confined.link_inside, root, "second", "below/deep")
