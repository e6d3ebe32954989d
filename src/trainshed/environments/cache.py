"""Built environments: named by the hash of their definition, built once under a lock, pruned by last use.

An environment is built in its final location, because conda and console scripts write their own path into files. It is
complete when it has an ``environment.json``, which is written last: a folder without one is the rest of an interrupted
build, and the next build removes it. Beside the folder are two lock files: ``<key>.lock`` is held to build or remove
it; ``<key>.use`` is shared by all runs that use it, and its time is that of the last use. (With a single file, a
process waiting for a build would wait for the builder's whole run.)
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
    """Return the name under which an environment is cached.

    Args:
        request: everything that determines its content (JSON); the machine's platform is added.
    """
    libc = "-".join(platform.libc_ver()) if sys.platform.startswith("linux") else platform.release()
    whole = {**request, "format": FORMAT, "platform": [sys.platform, platform.machine(), libc]}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:20]


class CacheEntry:
    """One environment in the cache. While held, it is protected from pruning.

    Args:
        home: Trainshed's home on this node.
        key: the environment's name.
        elsewhere: whether its base Python is in an image, where this machine cannot see it.
    """

    def __init__(self, home: Path, key: str, elsewhere: bool = False) -> None:
        self.key = key
        self._exists = os.path.lexists if elsewhere else os.path.exists
        self.prefix = home / "environments" / key
        self._use: Optional[int] = None

    def found(self) -> Optional[Dict[str, Any]]:
        """Return the record of the environment if it is built and complete, and hold it."""
        if not (self.prefix / _RECORD).is_file():
            return None
        self._hold()
        record = self._record()
        if record is None:
            self.release()
        return record

    def build(self, log: BinaryIO, make: Callable[[Path, int], Dict[str, Any]]) -> Dict[str, Any]:
        """Build the environment, unless another process has done so meanwhile, and hold it.

        Args:
            log: receives a message if another build has to be waited for.
            make: builds into the folder and returns the content of the record. It also gets the descriptor of the
                build's
                lock, for the programs it starts: if this process is killed, the lock is held until they end too.

        Returns:
            The environment's record.
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
        """Remove the environment unless a run or a build holds it; return whether it was removed."""
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
        # If the base Python of a virtual environment has been uninstalled, it is built again.
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
    """Hold the downloads from which environments are built.

    Args:
        home: Trainshed's home on this node.
        shared: True to build from them; False to remove them, which excludes builds.

    Yields:
        False, at once, if they were to be removed and an environment is being built.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB
    lock = _open_locked(f"{home}/downloads.lock", how)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def prune(home: Path, unused_days: float, keep: int = 0) -> List[str]:
    """Remove the environments that no run is using or has used for a while.

    Args:
        home: Trainshed's home on this node.
        unused_days: how long they must have been unused.
        keep: the number of most recently used ones to keep in any case.

    Returns:
        The names of the removed environments.
    """
    oldest = time.time() - unused_days * 86400
    candidates = [one for one in listed(home)[keep:] if one["used"] <= oldest]
    sweep(home / "environments")
    return sorted(one["key"] for one in candidates if CacheEntry(home, one["key"]).remove())


def listed(home: Path) -> List[Dict[str, Any]]:
    """Return the records of all built environments, the most recently used first.

    Args:
        home: Trainshed's home on this node.

    Returns:
        The content of ``environment.json`` (key, created, solver, request, resolved, tool), and ``used``: the time of
        the
        last use, in seconds since the epoch.
    """
    found = []
    for path in (home / "environments").glob(f"*/{_RECORD}"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            used = os.stat(f"{path.parent}.use").st_mtime
        except FileNotFoundError:
            continue  # removed meanwhile
        found.append({**record, "key": path.parent.name, "used": used})
    return sorted(found, key=lambda one: -float(one["used"]))


def sweep(folder: Path) -> None:
    """Remove what interrupted builds and removals have left.

    Args:
        folder: the folder of all environments.
    """
    for rest in folder.iterdir() if folder.is_dir() else ():
        if rest.name.startswith(_REMOVED):
            shutil.rmtree(rest, ignore_errors=True)
        elif rest.is_dir() and not (rest / _RECORD).is_file():
            lock = _open_locked(f"{rest}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is not None:  # otherwise it is being built now
                try:
                    if not (rest / _RECORD).is_file():
                        _discard(rest)
                finally:
                    os.close(lock)


def _discard(prefix: Path) -> None:
    # Renamed first, so that an interrupted removal does not leave an incomplete environment.
    aside = prefix.parent / f"{_REMOVED}{prefix.name}-{os.getpid()}"
    try:
        prefix.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def _open_locked(path: str, how: int) -> Optional[int]:
    """Open a file and lock it; return None if it is locked and ``how`` says not to wait."""
    while True:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
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
        os.close(descriptor)  # it was removed while we waited, so our lock on it protects nothing
