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
_KEYS = {
    "file": ("path", "kind", "sha256", "size", "mode"),
    "link": ("path", "kind", "target"),
    "dir": ("path", "kind"),
}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MAX_HOPS = 40
"""Links that Linux follows on the way to one file; where there are more, nothing is reached."""


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
            UserErrorException: a content is not that of its hash; none is stored.
        """
        return self._put((sha, (content,)) for sha, content in contents)

    def add_object(self, sha: str, pieces: Iterable[bytes]) -> None:
        """Store one content, however large, under its hash; it is on the disk when this returns.

        Args:
            sha: its sha256, lower-case hex.
            pieces: the content, piece by piece.

        Raises:
            UserErrorException: the content is not that of its hash; it is not stored.
        """
        self._put([(sha, pieces)])

    def _put(self, contents: Iterable[tuple[str, Iterable[bytes]]]) -> int:
        written: list[tuple[str, str]] = []
        try:
            for sha, pieces in contents:
                target = self._object(sha)
                written.append((f"{target}.{secrets.token_hex(4)}.part", target))
                if _write(written[-1][0], pieces) != sha:
                    raise UserErrorException(f"Content that was sent as {sha[:12]}… is another; submit again.")
            # Before any gets its name: what has one is whole, also after a loss of power.
            _flush(self._objects)
            for part, target in written:
                os.replace(part, target)
            # The names too: the tree that refers to them must not be there without them.
            _flush(self._objects)
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
                a link its ``target``. What else is in them is left out.

        Returns:
            The snapshot's id, which depends on nothing but the entries.

        Raises:
            UserErrorException: a path, mode, hash or link that cannot be part of a snapshot, or blobs that are not
                here, then listed in ``details["missing"]``.
        """
        check_entries(entries)
        ordered = sorted(({key: entry[key] for key in _KEYS[entry["kind"]]} for entry in entries), key=_path)
        text = json.dumps({"version": 1, "entries": ordered}, sort_keys=True, separators=(",", ":"))
        tree = hashlib.sha256(text.encode()).hexdigest()
        target = self._trees / f"{tree}.json"
        if not target.exists():
            self._check_objects(ordered)
            part = target.with_suffix(f".{secrets.token_hex(4)}.part")
            with open(os.open(part, _NEW, 0o400), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            _sync_folder(self._trees)
        return tree

    def _check_objects(self, entries: list[Entry]) -> None:
        missing = []
        for sha, (path, size) in {e["sha256"]: (e["path"], e["size"]) for e in entries if e["kind"] == "file"}.items():
            try:
                found = os.stat(self._object(sha)).st_size
            except FileNotFoundError:
                missing.append(sha)
                continue
            if found != size:
                raise UserErrorException(f"'{path}' is said to have {size} bytes, but its content has {found}.")
        if missing:
            raise UserErrorException(
                f"{len(missing)} of the snapshot's files have not been sent; submit again.", {"missing": missing}
            )

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
            text = (self._trees / f"{tree}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundException(f"There is no snapshot {tree}; submit the source folder again.") from None
        entries: list[Entry] = json.loads(text)["entries"]
        return entries

    def _object(self, sha: str) -> str:
        if not _is_hash(sha):
            raise UserErrorException(f"{sha!r} is not a sha256 in lower-case hex.")
        return f"{self._objects}/{sha[:2]}/{sha[2:]}"


def _write(part: str, pieces: Iterable[bytes]) -> str:
    """Write a new file; return the hash of what was written."""
    try:
        fd = os.open(part, _NEW, 0o400)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(part), 0o700, exist_ok=True)
        fd = os.open(part, _NEW, 0o400)
    digest = hashlib.sha256()
    try:
        for piece in pieces:
            digest.update(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
    return digest.hexdigest()


def _path(entry: Entry) -> str:
    return str(entry["path"])


def check_entries(entries: list[Entry]) -> None:
    """Raise unless the entries can be one snapshot.

    Raises:
        UserErrorException: the sentence names the path.
        SnapshotException: a link leads out of it.
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
    links = {entry["path"]: entry["target"] for entry in entries if entry["kind"] == "link"}
    for path in links:
        _check_link(path, links)


def _check_entry(path: str, entry: Entry) -> str:
    kind = entry.get("kind")
    if kind == "link":
        target = entry.get("target")
        if not isinstance(target, str) or not target or "\0" in target:
            raise UserErrorException(f"'{path}': a link has a target.")
    elif kind == "file":
        size = entry.get("size")
        if not _is_hash(entry.get("sha256")) or type(size) is not int or size < 0:
            raise UserErrorException(f"'{path}': a file has a sha256 and a size.")
        if entry.get("mode") not in _MODES:
            raise UserErrorException(f"'{path}': the mode is 0o644 or 0o755.")
    elif kind != "dir":
        raise UserErrorException(f"'{path}' is of kind {kind!r}; a snapshot has files, links and folders.")
    return str(kind)


def _check_link(path: str, links: dict[str, str]) -> None:
    """Raise if a link leads out of the snapshot, by way of others too.

    The parts of a target are followed one by one, as the system would: ``a/..`` is not where it began when ``a`` is a
    link itself.
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
            f"'{path}' is a link to '{links[path]}', outside of the source folder. "
            "Copy what it leads to into the folder, or list the link in .amlignore."
        )


def _is_hash(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and _HEX.issuperset(text)


def _flush(folder: Path) -> None:
    """Have all that was written below ``folder`` on the disk.

    One call for the whole file system: for 500 files it takes 15 to 20 ms where an fsync each takes 150, and 70 from
    eight threads at once; beside a job that writes 250 MB/s it is as quick as the threads.
    """
    if sys.platform.startswith("linux"):
        import ctypes  # 5 ms, and a service that only lists runs never needs it

        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            # Old C libraries lack it. Its failure is a failure to store.
            if hasattr(libc, "syncfs") and libc.syncfs(fd):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(folder))
            if hasattr(libc, "syncfs"):
                return
        finally:
            os.close(fd)
    os.sync()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
