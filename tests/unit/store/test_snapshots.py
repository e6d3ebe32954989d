from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, SnapshotException, TrainshedError, UserErrorException
from trainshed.store.snapshots import Snapshots

DATA = b"content"
SHA = hashlib.sha256(DATA).hexdigest()


def entry(path: str, **change: object) -> dict:
    return {"path": path, "kind": "file", "sha256": SHA, "size": len(DATA), "mode": 0o644, **change}


@pytest.fixture
def store(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def test_what_is_put_is_there(store: Snapshots, tmp_path: Path) -> None:
    assert store.missing([SHA]) == [SHA]
    assert store.put_objects([(SHA, DATA)]) == 1
    assert store.missing([SHA]) == []
    path = tmp_path / "objects" / SHA[:2] / SHA[2:]
    assert path.read_bytes() == DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_the_id_depends_on_the_content_alone(store: Snapshots) -> None:
    store.put_objects([(SHA, DATA)])
    one = store.put_tree([entry("a"), entry("b")])
    assert store.put_tree([entry("b"), entry("a")]) == one
    assert store.put_tree([entry("a"), entry("b", mode=0o755)]) != one
    assert [item["path"] for item in store.tree(one)] == ["a", "b"]
    assert store.put_tree([entry("a"), entry("b", note="left out")]) == one


def test_a_tree_has_all_its_content(store: Snapshots, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="submit again") as caught:
        store.put_tree([entry("a"), entry("b")])
    assert caught.value.details == {"missing": [SHA]}
    store.put_objects([(SHA, DATA)])
    with pytest.raises(UserErrorException, match="'a' is said to have 8 bytes"):
        store.put_tree([entry("a", size=8)])
    assert list((tmp_path / "trees").iterdir()) == []


def test_links_that_stay_inside(store: Snapshots) -> None:
    links = {"a/up": "..", "b": "a/up/c", "c": "a/../nowhere", "loop": "loop"}
    store.put_tree([{"path": path, "kind": "link", "target": target} for path, target in links.items()])


@pytest.mark.parametrize("target", ["a/up/..", "a/up/../x", "a/far", "a/up/up2"])
def test_links_that_lead_out_by_way_of_others(store: Snapshots, target: str) -> None:
    links = {"a/up": "..", "a/far": "/etc", "up2": "a/up/..", "x": target}
    with pytest.raises(SnapshotException, match="outside of the source folder"):
        store.put_tree([{"path": path, "kind": "link", "target": led} for path, led in links.items()])


def test_a_large_object_piece_by_piece(store: Snapshots, tmp_path: Path) -> None:
    pieces = [bytes([number]) * 100_000 for number in range(30)]
    sha = hashlib.sha256(b"".join(pieces)).hexdigest()
    store.add_object(sha, iter(pieces))
    assert (tmp_path / "objects" / sha[:2] / sha[2:]).read_bytes() == b"".join(pieces)
    with pytest.raises(UserErrorException, match="submit again"):
        store.add_object(sha, pieces[1:])
    assert store.missing([sha]) == []
    assert len([path for path in (tmp_path / "objects").rglob("*") if path.is_file()]) == 1


def test_a_sender_that_breaks_off_leaves_nothing(store: Snapshots, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, bytes]]:
        yield SHA, DATA
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put_objects(broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_content_that_is_not_its_hash_is_refused(store: Snapshots, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="submit again"):
        store.put_objects([(SHA, b"other")])
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


def test_the_same_object_at_once(store: Snapshots) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: store.put_objects([(SHA, DATA)]), range(32))) == [1] * 32


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../x")],
        [entry("/x")],
        [entry("a"), entry("a")],
        [entry("a"), entry("a/b")],
        [{"path": "l", "kind": "link", "target": "."}, entry("l/b")],
        [{"path": "l", "kind": "link", "target": "/etc"}],
        [{"path": "d/l", "kind": "link", "target": "../../x"}],
        [{"path": "l", "kind": "link", "target": ""}],
        [entry("a", mode=0o4755)],
        [entry("a", sha256="../../x")],
        [entry("a", size=-1)],
        [entry("a", kind="device")],
        ["text"],
    ],
)
def test_trees_that_cannot_be(store: Snapshots, entries: list) -> None:
    with pytest.raises(TrainshedError):
        store.put_tree(entries)


@pytest.mark.parametrize("tree", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_trees_that_are_not_there(store: Snapshots, tree: str) -> None:
    with pytest.raises(NotFoundException):
        store.tree(tree)
