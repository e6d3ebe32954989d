"""Snapshots of source: trees that refer to contents by their hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from trainshed.errors import NotFoundException, SnapshotException, UserErrorException
from trainshed.spec.checks import check_relative_path
from trainshed.store.database import Database
from trainshed.store.packs import Packs, is_hash, used_since
from trainshed.store.trash import Trash, usage
from trainshed.system import files

Entry = dict[str, Any]
_VERSION = 2
_MODES = (0o644, 0o755)
_KEYS = {
    "file": ("path", "kind", "sha256", "size", "mode"),
    "link": ("path", "kind", "target"),
    "dir": ("path", "kind"),
}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MAX_HOPS = 40
"""The number of links that Linux follows to reach one file."""


class Snapshots:
    """The store of snapshots: trees that refer to contents, and the packs that contain these.

    Args:
        root: its folder, with ``packs/<id>`` and ``trees/<id>.json``.
        database: stores which content is in which pack.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self.packs = Packs(root, database)
        self.trash = Trash(root)
        self._trees = root / "trees"
        self._trees.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.sync_folder(str(self._trees))  # a service that was killed may have named a tree and not flushed its name
        self._writing = threading.Lock()

    def put_tree(self, entries: list[Entry]) -> str:
        """Store a tree whose contents are present.

        Args:
            entries: ``{"path", "kind": "file" | "link" | "dir", …}``; a file has ``sha256``, ``size`` and ``mode``,
                a link its ``target``. Other keys are ignored.

        Returns:
            The snapshot's id, which depends only on the entries.

        Raises:
            UserErrorException: an invalid path, mode, hash or link, or contents that are missing, which are then listed
                in
                ``details["missing"]``.
        """
        check_entries(entries)
        ordered = sorted(({key: entry[key] for key in _KEYS[entry["kind"]]} for entry in entries), key=_path)
        text = json.dumps(ordered, sort_keys=True, separators=(",", ":"))
        tree = hashlib.sha256(text.encode()).hexdigest()
        target = self._trees / f"{tree}.json"
        with self._writing:  # so that a tree that is there is durable
            if not self._used(tree):
                # The positions of the contents are stored beside the entries, because a node has no database.
                places = json.dumps(self._places(ordered), separators=(",", ":"))
                record = f'{{"version":{_VERSION},"contents":{places},"entries":{text}}}'
                files.write(str(target), record, 0o400, durable=True)
        return tree

    def _places(self, entries: list[Entry]) -> dict[str, tuple[str, int]]:
        """Return where the contents are: hash → (pack, first byte)."""
        wanted = {entry["sha256"]: entry for entry in entries if entry["kind"] == "file"}
        found = self.packs.use(wanted)
        for sha, (_, _, size) in found.items():
            if size != wanted[sha]["size"]:
                claimed = wanted[sha]
                raise UserErrorException(
                    f"'{claimed['path']}' should have {claimed['size']} bytes, but its content has {size}."
                )
        missing = [sha for sha in wanted if sha not in found]
        if missing:
            raise UserErrorException(
                f"{len(missing)} of the snapshot's files have not been sent. Submit again.", {"missing": missing}
            )
        return {sha: (pack, start) for sha, (pack, start, _) in found.items()}

    def use(self, tree: str) -> None:
        """Protect a snapshot for a while, until the run that needs it is in the history.

        Raises:
            NotFoundException: no such snapshot.
        """
        if not self._used(tree):
            raise _gone(tree)

    def _used(self, tree: str) -> bool:
        with self.packs.lock, contextlib.suppress(FileNotFoundError):
            if is_hash(tree):
                os.utime(self._trees / f"{tree}.json")
                return True
        return False

    def forget(self, tree: str, sha: str | None) -> None:
        """Remove a tree that has been found damaged, or that refers to a damaged content: the next submit sends both.

        Args:
            tree: its id.
            sha: hash of the content; None if the contents are not to blame.
        """
        if not is_hash(tree):
            return
        path = self._trees / f"{tree}.json"
        with contextlib.suppress(NotFoundException, ValueError, KeyError):
            contents = self._read(tree)["contents"]
            lost = [key for key, (pack, _) in contents.items() if key == sha or not self.packs.has(pack)]
            self.packs.forget({key: contents[key][0] for key in lost})
        with self.packs.lock:
            path.unlink(missing_ok=True)

    def remove(self, needed: Collection[str], before: float, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Remove the trees that are not needed, and then the packs that no remaining tree needs.

        Args:
            needed: ids of the needed snapshots.
            before: keep what was used since this time.
            dry_run: only yield what would be removed.

        Yields:
            The name and the size of each.
        """
        trash, packs = None if dry_run else self.trash, set[str]()
        for path in sorted(self._trees.iterdir()):
            size = usage(path)
            with self.packs.lock:
                stays = path.stem in needed or used_since(path, before)
                if not stays and trash is not None:
                    trash.put(path)
            if not stays:
                yield f"trees/{path.name}", size
            elif is_hash(path.stem):
                packs.update(self._packs_of(path.stem))
        for pack, size in self.packs.remove(packs, before, trash):
            yield f"packs/{pack}", size

    def _packs_of(self, tree: str) -> set[str]:
        try:
            return {pack for pack, _ in self._read(tree)["contents"].values()}
        except ValueError:
            return set()  # damaged: no run can use it

    def tree(self, tree: str) -> list[Entry]:
        """Return the entries of a snapshot.

        Args:
            tree: its id.

        Raises:
            NotFoundException: no such snapshot.
        """
        entries: list[Entry] = self._read(tree)["entries"]
        return entries

    def files(self, tree: str) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Yield the files of a snapshot, each with its content in pieces.

        Args:
            tree: its id.

        Raises:
            NotFoundException: no such snapshot.
        """
        record = self._read(tree)
        for entry in record["entries"]:
            if entry["kind"] == "file":
                pack, start = record["contents"][entry["sha256"]]
                yield entry, self.packs.read(pack, start, entry["size"])

    def _read(self, tree: str) -> dict[str, Any]:
        if not is_hash(tree):
            raise NotFoundException(f"There is no snapshot {tree!r}.")
        try:
            record: dict[str, Any] = json.loads((self._trees / f"{tree}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise _gone(tree) from None
        return record


def _gone(tree: str) -> NotFoundException:
    return NotFoundException(f"There is no snapshot {tree}. Submit the source folder again.")


def _path(entry: Entry) -> str:
    return str(entry["path"])


def check_entries(entries: list[Entry]) -> None:
    """Raise if the entries are not a valid snapshot.

    Raises:
        UserErrorException: the message names the path.
        SnapshotException: a link leads outside.
    """
    kinds: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise UserErrorException("An entry of a snapshot must be an object with a path.")
        path = check_relative_path(entry["path"], "Path in the source folder")
        if path in kinds:
            raise UserErrorException(f"'{path}' occurs twice in the snapshot.")
        kinds[path] = _check_entry(path, entry)
    for path in kinds:
        above = posixpath.dirname(path)
        while above:
            if kinds.get(above, "dir") != "dir":
                raise UserErrorException(f"'{path}' is below '{above}', which is not a folder.")
            above = posixpath.dirname(above)
    links = {entry["path"]: entry["target"] for entry in entries if entry["kind"] == "link"}
    for path in links:
        _check_link(path, links)


def _check_entry(path: str, entry: Entry) -> str:
    kind = entry.get("kind")
    if kind == "link":
        target = entry.get("target")
        if not isinstance(target, str) or not target or "\0" in target:
            raise UserErrorException(f"'{path}': a link must have a target.")
    elif kind == "file":
        size = entry.get("size")
        if not is_hash(entry.get("sha256")) or type(size) is not int or size < 0:
            raise UserErrorException(f"'{path}': a file must have a sha256 and a size.")
        if entry.get("mode") not in _MODES:
            raise UserErrorException(f"'{path}': the mode must be 0o644 or 0o755.")
    elif kind != "dir":
        raise UserErrorException(f"'{path}' is of kind {kind!r}; a snapshot can contain only files, links and folders.")
    return str(kind)


def _check_link(path: str, links: dict[str, str]) -> None:
    """Raise if a link leads outside the snapshot, also through other links.

    The parts of a target are followed one by one, as the operating system does: ``a/..`` is not the starting point if
    ``a``
    is itself a link.
    """
    here = path.split("/")[:-1]
    ahead = links[path].split("/")[::-1]
    outside, hops = links[path].startswith("/"), 0
    while ahead and not outside and hops < _MAX_HOPS:
        part = ahead.pop()
        if part == "..":
            outside = not here
            here = here[:-1]
        elif part not in ("", "."):
            here.append(part)
            led = links.get("/".join(here))
            if led is not None:
                outside, hops = led.startswith("/"), hops + 1
                here.pop()
                ahead += led.split("/")[::-1]
    if outside:
        raise SnapshotException(
            f"'{path}' is a link to '{links[path]}', outside the source folder. "
            "Copy its target into the folder, or add the link to .amlignore."
        )
