"""Packs: the contents of one upload in one file, each after its hash and length.

One file, for making 500 takes 10 to 80 ms, and they are on the disk 5 times later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainshed.errors import UserErrorException
from trainshed.store.database import Database

HEAD = 40
"""Bytes before each content: 32 of sha256 and 8 of its length (big-endian)."""
_HEX = frozenset("0123456789abcdef")
_NAME = 32
_PIECE = 1 << 20
_ASKED = 500
"""Parameters of one statement; old SQLite takes 999."""
_FORGOTTEN = 86_400.0

Place = tuple[str, int, int]


class Packs:
    """The contents of all snapshots.

    Args:
        root: folder of the store; ``packs/<id>`` lie below it, and ``incoming/<id>`` what is on its way in.
        database: where is kept which content is in which pack.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self._packs = root / "packs"
        self._incoming = root / "incoming"
        self._database = database
        for folder in (self._packs, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            # Of clients that died in the middle.
            if time.time() - left.lstat().st_mtime > _FORGOTTEN:
                left.unlink(missing_ok=True)

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those of the hashes whose content is not here yet."""
        wanted = list(hashes)
        found = self.places(wanted)
        return [sha for sha in wanted if sha not in found]

    def places(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Return where contents lie: hash → (pack, first byte, size); what is not here is left out.

        Args:
            hashes: sha256 in lower-case hex.

        Raises:
            UserErrorException: something that is no hash.
        """
        wanted = list(hashes)
        for sha in wanted:
            if not is_hash(sha):
                raise UserErrorException(f"{sha!r} is not a sha256 in lower-case hex.")
        found: dict[str, Place] = {}
        for begin in range(0, len(wanted), _ASKED):
            some = wanted[begin : begin + _ASKED]
            sql = f"SELECT sha256, pack, start, size FROM contents WHERE sha256 IN ({', '.join('?' * len(some))})"
            found |= {sha: (pack, start, size) for sha, pack, start, size in self._database.tuples(sql, some)}
        return found

    def incoming(self, name: str | None = None) -> Path | None:
        """Return the file for a pack on its way in: a new one, or the one of a name.

        Args:
            name: 32 hex digits; None makes one up.

        Returns:
            The path; None for what cannot be a name.
        """
        name = secrets.token_hex(_NAME // 2) if name is None else name
        return self._incoming / name if len(name) == _NAME and _HEX.issuperset(name) else None

    def adopt(self, pack: Path | None, check: bool = True) -> int:
        """Take in a pack that is whole; its contents are on the disk when this returns.

        Args:
            pack: what :meth:`incoming` gave; the file is gone in any case.
            check: hash every content anew. Who can write into the store's folder is its owner, and has just hashed
                what it wrote there; what came over a wire is checked.

        Returns:
            How many contents it has; 0 where there is no such file, as when a lost answer is asked for again.

        Raises:
            UserErrorException: it ends in the middle, or a content is not that of its hash; none is stored.
        """
        if pack is None or not pack.is_file():
            return 0
        fd = os.open(pack, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = list(_contents(fd, check))
            # What has its name is whole, also after a loss of power.
            os.fsync(fd)
            target = self._packs / pack.name
            os.fchmod(fd, 0o400)
            os.rename(pack, target)
            _sync_folder(self._packs)
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
            pack: in which pack it lies.
            start: its first byte there.
            size: its bytes.
        """
        with open(self._packs / pack, "rb") as file:
            file.seek(start)
            while size and (piece := file.read(min(size, _PIECE))):
                size -= len(piece)
                yield piece


def is_hash(text: object) -> bool:
    """Tell whether something is a sha256 in lower-case hex."""
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
            raise UserErrorException(f"Content that was sent as {sha.hex()[:12]}… is another; submit again.")
        yield sha.hex(), at, size
        at += size


def _digest(fd: int, start: int, size: int) -> bytes:
    digest = hashlib.sha256()
    while size and (piece := os.pread(fd, min(size, _PIECE), start)):
        digest.update(piece)
        start, size = start + len(piece), size - len(piece)
    return digest.digest()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
