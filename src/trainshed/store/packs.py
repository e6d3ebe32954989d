"""Packs: the contents of one upload in one file, each after its hash and length.

One file, for making 500 takes 10 to 80 ms, and they are on the disk 5 times later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from trainshed.errors import UserErrorException
from trainshed.store.database import Database
from trainshed.store.trash import Trash, usage
from trainshed.system.files import sync_folder

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
        self.lock = threading.Lock()
        """Held while something is noted as used, and while it is removed if it was not."""
        for folder in (self._packs, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.forgotten():
            left.unlink(missing_ok=True)

    def forgotten(self) -> list[Path]:
        """Return what clients that died in the middle have left."""
        before = time.time() - _FORGOTTEN
        return [left for left in self._incoming.iterdir() if not used_since(left, before)]

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those of the hashes whose content is not here yet; the others are about to be used."""
        wanted = list(hashes)
        found = self.use(wanted)
        return [sha for sha in wanted if sha not in found]

    def use(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Return where contents lie, as :meth:`places` does, and spare their packs for a while."""
        with self.lock:
            found = self.places(hashes)
            for pack in {pack for pack, _, _ in found.values()}:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self._packs / pack)
        return found

    def remove(self, needed: Collection[str], before: float, trash: Trash | None) -> Iterator[tuple[str, int]]:
        """Remove the packs in which no content is needed; yield the id and size of each.

        Args:
            needed: ids of those that are needed.
            before: what was used since this time stays.
            trash: where they go; None only tells what would go.
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

    def _forget(self, pack: Path) -> None:
        """Drop what is known of a pack before it goes: nobody must be told that a content is here which is not."""
        with open(pack, "rb") as file, contextlib.suppress(UserErrorException):
            rows = [(sha, pack.name) for sha, _, _ in _contents(file.fileno(), check=False)]
            with self._database.transaction() as write:
                write.executemany("DELETE FROM contents WHERE sha256 = ? AND pack = ?", rows)

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
            pack: in which pack it lies.
            start: its first byte there.
            size: its bytes.
        """
        with open(self._packs / pack, "rb") as file:
            file.seek(start)
            while size and (piece := file.read(min(size, _PIECE))):
                size -= len(piece)
                yield piece


def used_since(path: Path, before: float) -> bool:
    """Tell whether a file was used since a time; one that is gone counts as used."""
    try:
        return path.lstat().st_mtime >= before
    except FileNotFoundError:
        return True


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
