"""Files of runs that have ended, compared with the manifests written then while they are sent."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

from trainshed.errors import NotFoundException, ServiceException
from trainshed.service.mirror import Mirror
from trainshed.spec import layout
from trainshed.store.files import Files

_PIECE = 1 << 20
_MOST_KNOWN = 10_000
_CONFLICT = 409

Identity = tuple[int, int, int, int, int]


class Outputs:
    """Knows which files are what they were when their runs ended.

    A file is hashed once as long as the service runs and the file keeps its times: later changes change these. If the
    service has seen its run end, that was when the manifest was made.

    Args:
        files: the manifests.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[tuple[str, str], tuple[Identity, bool]] = {}
        self._hasher = ThreadPoolExecutor(2, thread_name_prefix="hash")

    def trust(self, run_id: str, mirror: Mirror, hashed: Iterable[tuple[str, int, str, float]]) -> None:
        """Note the files of a manifest made a moment ago; small ones are hashed when they are sent.

        Args:
            run_id: the run.
            mirror: the run directories.
            hashed: the manifest, as :meth:`Mirror.manifest` returns it.
        """
        for name, size, _, modified in hashed:
            if size < _PIECE:
                continue
            with contextlib.suppress(NotFoundException), mirror.open(run_id, layout.place_of(name)) as file:
                if os.fstat(file.fileno()).st_size == size and os.fstat(file.fileno()).st_mtime == modified:
                    self._note(run_id, name, _identity(file), True)

    def checked(self, run_id: str, name: str, file: BinaryIO) -> BinaryIO:
        """Return a file that raises at its end if it is not what it was when its run ended.

        Args:
            run_id: the run.
            name: the file's name.
            file: the file, open at its beginning.

        Raises:
            ServiceException: it has changed since; ``file`` is closed.
        """
        facts = self._files.find(run_id, name)
        if facts is None:
            return file  # its run goes on
        now = _identity(file)
        known, right = self._known.get((run_id, name), (None, False))
        if known == now and right:
            return file
        whole = CheckedFile(file, str(facts["sha256"]), lambda good: self._note(run_id, name, now, good), self._hasher)
        try:
            if known == now or os.fstat(file.fileno()).st_size != facts["size"]:
                self._note(run_id, name, now, False)
            elif os.fstat(file.fileno()).st_mtime != facts["modified"]:
                while whole.read(_PIECE):  # told before the first byte is sent
                    pass
                file.seek(0)
                return file
        except BaseException:
            file.close()
            raise
        return whole  # type: ignore[return-value]

    def _note(self, run_id: str, name: str, identity: Identity, good: bool) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[run_id, name] = identity, good
        if not good:
            error = ServiceException(
                f"'{name}' of run {run_id} has changed since the run ended: it is not what its hash says. "
                "'trainshed verify' tells what else has."
            )
            error.status = _CONFLICT
            raise error


class CheckedFile:
    """A file that is hashed by another thread while it is read.

    Args:
        file: the file, open at its beginning.
        sha: the hash that it should have.
        tell: called at the end with whether it has; it may raise.
        hasher: the other threads.
    """

    def __init__(self, file: BinaryIO, sha: str, tell: Callable[[bool], None], hasher: ThreadPoolExecutor) -> None:
        self._file = file
        self._sha = sha
        self._tell = tell
        self._hasher = hasher
        self._made: Any = hashlib.sha256()
        self._pending: Future[None] | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next piece, or nothing at the end."""
        if self._pending is not None:
            self._pending.result()
        piece = self._file.read(size)
        if self._made is not None and piece:
            self._pending = self._hasher.submit(self._made.update, piece)
        elif self._made is not None:
            self._tell(self._made.hexdigest() == self._sha)
        return piece

    def seek(self, offset: int) -> int:
        """Go to another place; a part of a file is not checked."""
        self._made = None if offset else self._made
        return self._file.seek(offset)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> CheckedFile:  # noqa: PYI034 - Self is not in Python 3.10
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _identity(file: BinaryIO) -> Identity:
    facts = os.fstat(file.fileno())
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
