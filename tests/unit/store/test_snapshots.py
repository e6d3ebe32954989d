from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import NotFoundException, SnapshotException, TrainshedError, UserErrorException
from trainshed.store.database import Database
from trainshed.store.snapshots import Snapshots

DATA = b"content"
SHA = hashlib.sha256(DATA).hexdigest()


def entry(path: str, **change: object) -> dict[str, Any]:
    return {"path": path, "kind": "file", "sha256": SHA, "size": len(DATA), "mode": 0o644, **change}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Snapshots]:
    database = Database(tmp_path / "history.db")
    yield Snapshots(tmp_path / "snapshots", database)
    database.close()


def packed(*contents: bytes) -> bytes:
    return b"".join(hashlib.sha256(each).digest() + len(each).to_bytes(8, "big") + each for each in contents)


def incoming(store: Snapshots) -> Path:
    pack = store.packs.incoming()
    assert pack is not None
    return pack


def put(store: Snapshots, content: bytes) -> int:
    pack = incoming(store)
    pack.write_bytes(content)
    try:
        return store.packs.adopt(pack)
    finally:
        assert not pack.exists()


def packs_of(store: Snapshots) -> list[Path]:
    return [path for folder in ("packs", "incoming") for path in (incoming(store).parents[1] / folder).iterdir()]


def test_what_is_put_is_there(store: Snapshots) -> None:
    other = bytes(range(256)) * 10_000
    sha = hashlib.sha256(other).hexdigest()
    assert store.packs.missing([SHA, sha]) == [SHA, sha]
    assert put(store, packed(DATA, other, b"")) == 3
    assert store.packs.missing([SHA, sha]) == []
    tree = store.put_tree([entry("a"), entry("b", sha256=sha, size=len(other)), {"path": "d", "kind": "dir"}])
    assert [(e["path"], b"".join(content)) for e, content in store.files(tree)] == [("a", DATA), ("b", other)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in packs_of(store)] == [0o400]


def test_the_id_depends_on_the_content_alone(store: Snapshots) -> None:
    put(store, packed(DATA))
    one = store.put_tree([entry("a"), entry("b")])
    assert store.put_tree([entry("b"), entry("a")]) == one
    assert store.put_tree([entry("a"), entry("b", mode=0o755)]) != one
    assert [item["path"] for item in store.tree(one)] == ["a", "b"]
    assert store.put_tree([entry("a"), entry("b", note="left out")]) == one


def test_a_tree_has_all_its_content(store: Snapshots, tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="Submit again") as caught:
        store.put_tree([entry("a"), entry("b")])
    assert caught.value.details == {"missing": [SHA]}
    put(store, packed(DATA))
    with pytest.raises(UserErrorException, match="'a' should have 8 bytes"):
        store.put_tree([entry("a", size=8)])
    assert list((tmp_path / "snapshots" / "trees").iterdir()) == []


def test_links_that_stay_inside(store: Snapshots) -> None:
    links = {"a/up": "..", "b": "a/up/c", "c": "a/../nowhere", "loop": "loop"}
    store.put_tree([{"path": path, "kind": "link", "target": target} for path, target in links.items()])


@pytest.mark.parametrize("target", ["a/up/..", "a/up/../x", "a/far", "a/up/up2"])
def test_links_that_lead_out_by_way_of_others(store: Snapshots, target: str) -> None:
    links = {"a/up": "..", "a/far": "/etc", "up2": "a/up/..", "x": target}
    with pytest.raises(SnapshotException, match="outside the source folder"):
        store.put_tree([{"path": path, "kind": "link", "target": led} for path, led in links.items()])


@pytest.mark.parametrize("cut", [10, 39, 43, 60, -1])
def test_a_pack_that_breaks_off_leaves_nothing(store: Snapshots, cut: int) -> None:
    with pytest.raises(UserErrorException, match="ended in the middle"):
        put(store, packed(b"more", DATA)[:cut])
    assert packs_of(store) == []
    assert store.packs.missing([SHA]) == [SHA]


def test_content_that_is_not_its_hash_is_refused(store: Snapshots) -> None:
    with pytest.raises(UserErrorException, match="Submit again"):
        put(store, packed(b"first") + bytes.fromhex(SHA) + (5).to_bytes(8, "big") + b"other")
    assert packs_of(store) == []
    assert store.packs.missing([hashlib.sha256(b"first").hexdigest()]) != []


def test_a_length_that_is_no_length_is_refused(store: Snapshots) -> None:
    with pytest.raises(UserErrorException, match="ended in the middle"):
        put(store, bytes.fromhex(SHA) + b"\xff" * 8 + DATA)


def test_the_same_content_at_once(store: Snapshots) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: put(store, packed(DATA)), range(32))) == [1] * 32
    assert len(store.packs.places([SHA])) == 1


def test_an_answer_that_was_lost_can_be_asked_for_again(store: Snapshots) -> None:
    assert store.packs.adopt(store.packs.incoming()) == 0
    assert store.packs.adopt(store.packs.incoming("../../etc/passwd")) == 0


def test_a_pack_that_is_a_link_is_not_taken_in(store: Snapshots, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.write_bytes(packed(DATA))
    pack = incoming(store)
    pack.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        store.packs.adopt(pack)
    assert store.packs.missing([SHA]) == [SHA]


def test_what_dead_clients_left_is_removed_a_day_later(store: Snapshots, tmp_path: Path) -> None:
    old, new = incoming(store), incoming(store)
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (0, 0))
    database = Database(tmp_path / "history.db")
    Snapshots(tmp_path / "snapshots", database)
    database.close()
    assert (old.exists(), new.exists()) == (False, True)


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
def test_trees_that_cannot_be(store: Snapshots, entries: list[Any]) -> None:
    with pytest.raises(TrainshedError):
        store.put_tree(entries)


@pytest.mark.parametrize("tree", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_trees_that_are_not_there(store: Snapshots, tree: str) -> None:
    with pytest.raises(NotFoundException):
        store.tree(tree)


def aged(store: Snapshots, folder: Path) -> None:
    """Let all that is in the store have been used long ago."""
    for path in (*folder.glob("snapshots/trees/*"), *folder.glob("snapshots/packs/*")):
        os.utime(path, (1.0, 1.0))


def names(store: Snapshots, needed: set[str], before: float, dry_run: bool = False) -> list[str]:
    return [name.partition("/")[0] for name, size in store.remove(needed, before, dry_run) if size >= 0]


def test_what_no_run_needs_goes(store: Snapshots, tmp_path: Path) -> None:
    other = b"another content"
    sha = hashlib.sha256(other).hexdigest()
    put(store, packed(DATA))
    put(store, packed(other))
    kept = store.put_tree([entry("a")])
    gone = store.put_tree([entry("a"), entry("b", sha256=sha, size=len(other))])
    assert names(store, set(), 1.0) == []  # all of it was used just now
    aged(store, tmp_path)
    assert names(store, {kept}, 2.0, dry_run=True) == ["trees", "packs"]
    assert len(store.tree(gone)) == 2
    assert names(store, {kept}, 2.0) == ["trees", "packs"]
    assert [b"".join(content) for _, content in store.files(kept)] == [DATA]
    with pytest.raises(NotFoundException):
        store.use(gone)
    assert store.packs.missing([SHA, sha]) == [sha]
    put(store, packed(other))
    assert store.put_tree([entry("a"), entry("b", sha256=sha, size=len(other))]) == gone
    assert len(list(store.files(gone))) == 2


def test_a_pack_stays_while_one_of_its_contents_is_needed(store: Snapshots, tmp_path: Path) -> None:
    put(store, packed(DATA, b"another content"))
    kept = store.put_tree([entry("a")])
    aged(store, tmp_path)
    assert names(store, {kept}, 2.0) == []
    assert [b"".join(content) for _, content in store.files(kept)] == [DATA]


def test_what_is_being_used_stays(store: Snapshots, tmp_path: Path) -> None:
    put(store, packed(DATA))
    tree = store.put_tree([entry("a")])
    for use in (lambda: store.use(tree), lambda: store.put_tree([entry("a")])):
        aged(store, tmp_path)
        use()
        assert names(store, set(), 2.0) == []
        assert len(list(store.files(tree))) == 1
    # Asked for, and not yet in a tree: its pack is about to be used.
    aged(store, tmp_path)
    assert store.packs.missing([SHA]) == []
    assert names(store, set(), 2.0) == ["trees"]
    assert store.put_tree([entry("a")]) == tree
    assert len(list(store.files(tree))) == 1


def test_a_damaged_tree_is_no_hindrance(store: Snapshots, tmp_path: Path) -> None:
    put(store, packed(DATA))
    tree = store.put_tree([entry("a")])
    path = tmp_path / "snapshots" / "trees" / f"{tree}.json"
    path.chmod(0o600)
    path.write_text("{")
    aged(store, tmp_path)
    assert names(store, {tree}, 2.0) == ["packs"]
