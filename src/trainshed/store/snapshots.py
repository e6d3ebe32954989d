"""Snapshots of source: blobs named by their hash, trees that name blobs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainshed.errors import NotFoundException, SnapshotException, UserErrorException
from trainshed.spec.checks import check_relative_path

Entry = dict[str, Any]
_HEX = frozenset("0123456789abcdef")
_MODES = (0o644, 0o755)


class Snapshots:
    """The store of snapshots.

    Args:
        root: its folder; ``objects/ab/cdef…`` and ``trees/<id>.json`` lie below it.
    """

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._trees = root / "trees"
        for folder in (root, self._objects, self._trees):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those of the hashes whose content is not here yet."""
        return [sha for sha in hashes if not os.path.exists(self._object(sha))]

    def put_objects(self, contents: Iterable[tuple[str, bytes]]) -> int:
        """Store contents under their hashes; all are on the disk when this returns.

        Args:
            contents: ``(sha256, content)``.

        Returns:
            How many were stored.

        Raises:
            UserErrorException: a content is not that of its hash; it is not stored.
        """
        written: list[tuple[str, str]] = []
        try:
            for sha, content in contents:
                if hashlib.sha256(content).hexdigest() != sha:
                    raise UserErrorException(f"Content that was sent as {sha[:12]}… is another; submit again.")
                target = self._object(sha)
                written.append((f"{target}.{secrets.token_hex(4)}.part", target))
                _write(written[-1][0], content)
            # Before any gets its name: what has one is whole, also after a loss of power.
            _flush(self._objects)
            for part, target in written:
                os.replace(part, target)
        except BaseException:
            for part, _ in written:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part)
            raise
        return len(written)

    def put_tree(self, entries: list[Entry]) -> str:
        """Store a tree whose blobs are here.

        Args:
            entries: ``{"path", "kind": "file" | "link" | "dir", …}``; a file has ``sha256``, ``size`` and ``mode``,
                a link its ``target``.

        Returns:
            The snapshot's id, which depends on nothing but the entries.

        Raises:
            UserErrorException: a path, mode, hash or link that cannot be part of a snapshot.
        """
        check_entries(entries)
        ordered = sorted(entries, key=lambda entry: str(entry["path"]))
        text = json.dumps({"version": 1, "entries": ordered}, sort_keys=True, separators=(",", ":"))
        tree = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        target = self._trees / f"{tree}.json"
        if not target.exists():
            part = target.with_suffix(f".{secrets.token_hex(4)}.part")
            with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            with contextlib.suppress(OSError):
                _sync_folder(self._trees)
        return tree

    def tree(self, tree: str) -> list[Entry]:
        """Return the entries of a snapshot.

        Args:
            tree: its id.

        Raises:
            NotFoundException: no such snapshot.
        """
        if not _is_hash(tree):
            raise NotFoundException(f"There is no snapshot {tree!r}.")
        try:
            text = (self._trees / f"{tree}.json").read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            raise NotFoundException(f"There is no snapshot {tree}; submit the source folder again.") from None
        entries: list[Entry] = json.loads(text)["entries"]
        return entries

    def _object(self, sha: str) -> str:
        if not _is_hash(sha):
            raise UserErrorException(f"{sha!r} is not a sha256 in lower-case hex.")
        return f"{self._objects}/{sha[:2]}/{sha[2:]}"


def _write(part: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(part, flags, 0o400)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(part), 0o700, exist_ok=True)
        fd = os.open(part, flags, 0o400)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def check_entries(entries: list[Entry]) -> None:
    """Raise unless the entries can be one snapshot.

    Raises:
        UserErrorException: the sentence names the path.
    """
    kinds: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise UserErrorException("A snapshot's entry is an object with a path.")
        path = check_relative_path(entry["path"], "Path in the source folder")
        if path in kinds:
            raise UserErrorException(f"'{path}' is in the snapshot twice.")
        kinds[path] = _check_entry(path, entry)
    for path in kinds:
        above = posixpath.dirname(path)
        while above:
            if kinds.get(above, "dir") != "dir":
                raise UserErrorException(f"'{path}' lies below '{above}', which is not a folder.")
            above = posixpath.dirname(above)


def _check_entry(path: str, entry: Entry) -> str:
    kind = entry.get("kind")
    if kind == "link":
        check_link(path, str(entry.get("target", "")))
    elif kind == "file":
        size = entry.get("size")
        if not _is_hash(entry.get("sha256")) or not isinstance(size, int) or size < 0:
            raise UserErrorException(f"'{path}': a file has a sha256 and a size.")
        if entry.get("mode") not in _MODES:
            raise UserErrorException(f"'{path}': the mode is 0o644 or 0o755.")
    elif kind != "dir":
        raise UserErrorException(f"'{path}' is of kind {kind!r}; a snapshot has files, links and folders.")
    return str(kind)


def check_link(path: str, target: str) -> None:
    """Raise if a link would lead out of the snapshot.

    Args:
        path: where the link is.
        target: where it leads.

    Raises:
        SnapshotException: it is absolute or climbs out.
    """
    led = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if not target or "\0" in target or target.startswith("/") or led == ".." or led.startswith("../"):
        raise SnapshotException(
            f"'{path}' is a link to '{target}', outside of the source folder. "
            "Copy what it leads to into the folder, or list the link in .amlignore."
        )


def _is_hash(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and _HEX.issuperset(text)


def _flush(folder: Path) -> None:
    """Have all that was written below ``folder`` on the disk: one call for hundreds of files."""
    if sys.platform.startswith("linux"):
        import ctypes

        fd = os.open(folder, os.O_RDONLY)
        try:
            # An fsync a file costs as much as all of them together.
            ctypes.CDLL(None).syncfs(fd)
        finally:
            os.close(fd)
    else:
        os.sync()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
