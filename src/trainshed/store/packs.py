"""Packs: the contents of one upload in one file, each preceded by its hash and length.

They are in one file because creating 500 files takes 10 to 80 ms, and flushing them takes five times as long.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from trainshed.errors import UserErrorException
from trainshed.store.database import Database
from trainshed.store.trash import Trash, usage
from trainshed.system.files import sync_folder

HEAD = 40
"""Bytes before each content: 32 for its SHA-256 and 8 for its length (big-endian)."""
_HEX = frozenset("0123456789abcdef")
_NAME = 32
_PIECE = 1 << 20
_ASKED = 500
"""Parameters of one statement; old versions of SQLite accept 999."""
_FORGOTTEN = 86_400.0

Place = tuple[str, int, int]


class Packs:
    """The contents of all snapshots.

    Args:
        root: folder of the store, with ``packs/<id>``, and ``incoming/<id>`` for packs being received.
        database: stores which content is in which pack.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self._packs = root / "packs"
        self._incoming = root / "incoming"
        self._database = database
        self.lock = threading.Lock()
        """Held while something is marked as used, and while it is removed if it was not used."""
        for folder in (self._packs, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.forgotten():
            left.unlink(missing_ok=True)

    def forgotten(self) -> list[Path]:
        """Return what clients that were killed during an upload have left."""
        before = time.time() - _FORGOTTEN
        return [left for left in self._incoming.iterdir() if not used_since(left, before)]

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return the hashes whose content is missing; the others are marked as used."""
        wanted = list(hashes)
        found = self.use(wanted)
        return [sha for sha in wanted if sha not in found]

    def use(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Return where contents are, like :meth:`places`, and protect their packs from removal for a while."""
        with self.lock:
            found = self.places(hashes)
            for pack in {pack for pack, _, _ in found.values()}:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self._packs / pack)
        return found

    def remove(self, needed: Collection[str], before: float, trash: Trash | None) -> Iterator[tuple[str, int]]:
        """Remove the packs without a needed content; yield the id and size of each.

        Args:
            needed: ids of the needed packs.
            before: keep what was used since this time.
            trash: where they are moved; None only yields what would be removed.
        """
        for path in sorted(self._packs.iterdir()):
            size = usage(path)
            with self.lock:
                if path.name in needed or used_since(path, before):
                    continue
                if trash is not None:
                    self._forget(path)
                    trash.put(path)
            yield path.name, size

    def has(self, pack: str) -> bool:
        """Tell whether a pack exists."""
        return (self._packs / pack).exists()

    def forget(self, damaged: Mapping[str, str]) -> None:
        """Take contents as missing, so that they are sent again.

        Args:
            damaged: their hash → the pack in which they are damaged.
        """
        with self._database.transaction() as write:
            write.executemany("DELETE FROM contents WHERE sha256 = ? AND pack = ?", list(damaged.items()))

    def _forget(self, pack: Path) -> None:
        """Delete a pack's rows before the pack itself, so that no content is reported as present without its pack."""
        with open(pack, "rb") as file, contextlib.suppress(UserErrorException):
            rows = [(sha, pack.name) for sha, _, _ in _contents(file.fileno(), check=False)]
            with self._database.transaction() as write:
                write.executemany("DELETE FROM contents WHERE sha256 = ? AND pack = ?", rows)

    def places(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Return where contents are: hash → (pack, first byte, size); missing ones are left out.

        Args:
            hashes: SHA-256 hashes in lower-case hex.

        Raises:
            UserErrorException: something that is not a hash.
        """
        wanted = list(hashes)
        for sha in wanted:
            if not is_hash(sha):
                raise UserErrorException(f"{sha!r} is not a SHA-256 hash in lower-case hex.")
        found: dict[str, Place] = {}
        for begin in range(0, len(wanted), _ASKED):
            some = wanted[begin : begin + _ASKED]
            sql = f"SELECT sha256, pack, start, size FROM contents WHERE sha256 IN ({', '.join('?' * len(some))})"
            found |= {sha: (pack, start, size) for sha, pack, start, size in self._database.tuples(sql, some)}
        return found

    def incoming(self, name: str | None = None) -> Path | None:
        """Return the file for a pack that is being received: a new one, or the one with a name.

        Args:
            name: 32 hex digits; None generates one.

        Returns:
            The path; None if the name is invalid.
        """
        name = secrets.token_hex(_NAME // 2) if name is None else name
        return self._incoming / name if len(name) == _NAME and _HEX.issuperset(name) else None

    def adopt(self, pack: Path | None, check: bool = True) -> int:
        """Add a complete pack; its contents are on the disk once this returns.

        Args:
            pack: the path from :meth:`incoming`; the file is moved or removed in any case.
            check: hash every content again. Only the owner can write into the store's folder, and has just hashed what
                it
                wrote there; what came over a wire is checked.

        Returns:
            The number of its contents; 0 if there is no such file, as when a request is repeated after a lost response.

        Raises:
            UserErrorException: it is incomplete, or a content does not match its hash; nothing is stored.
        """
        if pack is None or not pack.is_file():
            return 0
        fd = os.open(pack, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = list(_contents(fd, check))
            # A pack that has its final name is complete, even after a power failure.
            os.fsync(fd)
            target = self._packs / pack.name
            os.fchmod(fd, 0o400)
            os.rename(pack, target)
            sync_folder(str(self._packs))
            with self._database.transaction() as write:
                rows = [(sha, target.name, start, size) for sha, start, size in found]
                write.executemany("INSERT OR IGNORE INTO contents VALUES (?, ?, ?, ?)", rows)
            return len(found)
        finally:
            os.close(fd)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(pack)

    def read(self, pack: str, start: int, size: int) -> Iterator[bytes]:
        """Yield a content in pieces.

        Args:
            pack: its pack.
            start: its first byte in the pack.
            size: its size in bytes.
        """
        with open(self._packs / pack, "rb") as file:
            file.seek(start)
            while size and (piece := file.read(min(size, _PIECE))):
                size -= len(piece)
                yield piece


def used_since(path: Path, before: float) -> bool:
    """Tell whether a file was used since a time; a missing file counts as used."""
    try:
        return path.lstat().st_mtime >= before
    except FileNotFoundError:
        return True


def is_hash(text: object) -> bool:
    """Tell whether something is a SHA-256 hash in lower-case hex."""
    return isinstance(text, str) and len(text) == 64 and _HEX.issuperset(text)


def _contents(fd: int, check: bool) -> Iterator[tuple[str, int, int]]:
    """Yield (hash, first byte, size) of the contents of a pack."""
    at, end = 0, os.fstat(fd).st_size
    while at < end:
        head = os.pread(fd, HEAD, at)
        size = int.from_bytes(head[32:], "big")
        at += HEAD
        if len(head) < HEAD or size > end - at:
            raise UserErrorException("The upload ended in the middle of a file. Submit again.")
        sha = head[:32]
        if check and _digest(fd, at, size) != sha:
            raise UserErrorException(f"The content sent as {sha.hex()[:12]}… does not match its hash. Submit again.")
        yield sha.hex(), at, size
        at += size


def _digest(fd: int, start: int, size: int) -> bytes:
    digest = hashlib.sha256()
    while size and (piece := os.pread(fd, min(size, _PIECE), start)):
        digest.update(piece)
        start, size = start + len(piece), size - len(piece)
    return digest.digest()
