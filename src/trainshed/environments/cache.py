"""Cache of built environments, keyed by a hash of their definition.

An environment is built in its final location, because conda and console scripts write their own path into files. It is
complete when it contains ``environment.json``, which is written last. A folder without that file is left from an
interrupted build, and the next build deletes it. Two lock files are next to the folder: ``<key>.lock`` is held while
building or deleting the environment; ``<key>.use`` is shared by all runs that use it, and its modification time is the
time of the last use. (With a single lock file, a process waiting for a build would wait for the builder's whole run.)
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional

from trainshed.system import files

FORMAT = 2
_RECORD = "environment.json"
_REMOVED = ".removed-"


def key_of(request: Dict[str, Any]) -> str:
    """Return the cache key of an environment.

    Args:
        request: everything that determines the environment's content, as JSON types. The platform is added.
    """
    libc = "-".join(platform.libc_ver()) if sys.platform.startswith("linux") else platform.release()
    whole = {**request, "format": FORMAT, "platform": [sys.platform, platform.machine(), libc]}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:20]


class CacheEntry:
    """An environment in the cache, which can be held to protect it from pruning.

    Args:
        home: Trainshed's home on this node.
        key: cache key of the environment.
        elsewhere: whether the base Python is in an image, and so not visible on this machine.
    """

    def __init__(self, home: Path, key: str, elsewhere: bool = False) -> None:
        self.key = key
        self._exists = os.path.lexists if elsewhere else os.path.exists
        self.prefix = home / "environments" / key
        self._use: Optional[int] = None

    def found(self) -> Optional[Dict[str, Any]]:
        """Hold the environment and return its record, or return None if it is not built completely."""
        if not (self.prefix / _RECORD).is_file():
            return None
        self._hold()
        record = self._record()
        if record is None:
            self.release()
        return record

    def build(self, log: BinaryIO, make: Callable[[Path, int], Dict[str, Any]]) -> Dict[str, Any]:
        """Build the environment, unless another process has built it in the meantime, and hold it.

        Args:
            log: receives a message when waiting for another build.
            make: function that builds the environment in a folder and returns its record. It also gets the descriptor
                of the build's lock, which the programs that it starts keep open: if this process is killed, the lock is
                held until they exit.

        Returns:
            Record of the environment.
        """
        with self._locked(log) as lock, downloads(self.prefix.parents[1], shared=True):
            self._hold()
            record = self._record()
            if record is None:
                sweep(self.prefix.parent)
                _discard(self.prefix)
                try:
                    record = {**make(self.prefix, lock), "key": self.key, "created": time.time()}
                    files.write(str(self.prefix / _RECORD), json.dumps(record, indent=1), files.PUBLIC)
                except BaseException:
                    _discard(self.prefix)
                    self.release()
                    raise
        return record

    def remove(self) -> bool:
        """Delete the environment unless a run or build holds it. Returns whether it was deleted."""
        lock = _open_locked(f"{self.prefix}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is None:
            return False
        use = None
        try:
            use = _open_locked(f"{self.prefix}.use", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if use is None:
                return False
            _discard(self.prefix)
            os.unlink(f"{self.prefix}.use")
            os.unlink(f"{self.prefix}.lock")
        finally:
            os.close(lock)
            if use is not None:
                os.close(use)
        return True

    def release(self) -> None:
        """Release the environment."""
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def _record(self) -> Optional[Dict[str, Any]]:
        try:
            record: Dict[str, Any] = json.loads((self.prefix / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        # Rebuild a virtual environment whose base Python has been uninstalled.
        return record if self._exists(self.prefix / "bin" / "python") else None

    def _hold(self) -> None:
        if self._use is None:
            self._use = _open_locked(f"{self.prefix}.use", fcntl.LOCK_SH)
        os.utime(f"{self.prefix}.use")

    @contextmanager
    def _locked(self, log: BinaryIO) -> Iterator[int]:
        lock = _open_locked(f"{self.prefix}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is None:
            log.write(b"Waiting for another run that is building the same environment.\n")
            lock = _open_locked(f"{self.prefix}.lock", fcntl.LOCK_EX)
        assert lock is not None
        try:
            yield lock
        finally:
            os.close(lock)


@contextmanager
def downloads(home: Path, shared: bool) -> Iterator[bool]:
    """Hold the lock of the package downloads.

    Args:
        home: Trainshed's home on this node.
        shared: True to build environments; False to delete the downloads, which requires that there are no builds.

    Yields:
        Whether the lock is held. False only if ``shared`` is False and an environment is being built.
    """
    operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB
    lock = _open_locked(f"{home}/downloads.lock", operation)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def prune(home: Path, unused_days: float, keep: int = 0) -> List[str]:
    """Delete environments that have not been used for some time.

    Args:
        home: Trainshed's home on this node.
        unused_days: minimum number of days since the last use.
        keep: number of most recently used environments to keep in any case.

    Returns:
        Keys of the deleted environments.
    """
    oldest = time.time() - unused_days * 86400
    candidates = [one for one in listed(home)[keep:] if one["used"] <= oldest]
    sweep(home / "environments")
    return sorted(one["key"] for one in candidates if CacheEntry(home, one["key"]).remove())


def listed(home: Path) -> List[Dict[str, Any]]:
    """Return the records of all built environments, most recently used first.

    Args:
        home: Trainshed's home on this node.

    Returns:
        The content of each ``environment.json`` (key, created, solver, request, resolved, tool), and ``used``: the time
        of the last use as a Unix timestamp.
    """
    found = []
    for path in (home / "environments").glob(f"*/{_RECORD}"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            used = os.stat(f"{path.parent}.use").st_mtime
        except FileNotFoundError:
            continue  # deleted in the meantime
        found.append({**record, "key": path.parent.name, "used": used})
    return sorted(found, key=lambda one: -float(one["used"]))


def sweep(folder: Path) -> None:
    """Delete the remains of interrupted builds and deletions.

    Args:
        folder: folder of all environments.
    """
    for rest in folder.iterdir() if folder.is_dir() else ():
        if rest.name.startswith(_REMOVED):
            shutil.rmtree(rest, ignore_errors=True)
        elif rest.is_dir() and not (rest / _RECORD).is_file():
            lock = _open_locked(f"{rest}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is not None:  # otherwise, it is being built
                try:
                    if not (rest / _RECORD).is_file():
                        _discard(rest)
                finally:
                    os.close(lock)


def _discard(prefix: Path) -> None:
    # Rename it first, so that an interrupted deletion does not leave an incomplete environment.
    renamed = prefix.parent / f"{_REMOVED}{prefix.name}-{os.getpid()}"
    try:
        prefix.rename(renamed)
    except FileNotFoundError:
        return
    shutil.rmtree(renamed, ignore_errors=True)


def _open_locked(path: str, operation: int) -> Optional[int]:
    """Open and lock a file. Returns None if ``operation`` is non-blocking and the file is locked."""
    while True:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the file was deleted while waiting, so the lock has no effect; try again
