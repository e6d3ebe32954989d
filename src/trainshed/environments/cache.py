"""Built environments: named by the hash of what defines them, built once under a lock, pruned by last use.

An environment is built where it will stay, since conda and console scripts write their own path into files. What
makes a folder an environment is ``environment.json``, written last: a folder without it is the rest of a build that
was cut off, and the next build removes it. Beside the folder lie two files to lock: ``<key>.lock`` is held by who
builds or removes, ``<key>.use`` is shared by all whose run uses it, and its time is that of the last use. (With one
file for both, who waits for a build would wait for the builder's whole run.)
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
        request: all that decides what is in it (JSON); the machine's platform is added.
    """
    libc = "-".join(platform.libc_ver()) if sys.platform.startswith("linux") else platform.release()
    whole = {**request, "format": FORMAT, "platform": [sys.platform, platform.machine(), libc]}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:20]


class CacheEntry:
    """One environment in the cache. Held, it keeps the environment from being pruned.

    Args:
        home: Trainshed's home on this node.
        key: the environment's name.
        elsewhere: the Python below it is in an image, where this machine cannot see it.
    """

    def __init__(self, home: Path, key: str, elsewhere: bool = False) -> None:
        self.key = key
        self._exists = os.path.lexists if elsewhere else os.path.exists
        self.prefix = home / "environments" / key
        self._use: Optional[int] = None

    def found(self) -> Optional[Dict[str, Any]]:
        """Return the record of the environment if it is built and whole, and hold it."""
        if not (self.prefix / _RECORD).is_file():
            return None
        self._hold()
        record = self._record()
        if record is None:
            self.release()
        return record

    def build(self, log: BinaryIO, make: Callable[[Path, int], Dict[str, Any]]) -> Dict[str, Any]:
        """Build the environment, unless another process has done so by the time it is our turn; and hold it.

        Args:
            log: told when another build is waited for.
            make: builds into the folder and returns what the record is to say. It also gets the descriptor of the
                build's lock, for the programs it starts: should we be killed, the lock lasts until they end too.

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
        """Remove the environment unless a run or a build holds it; return whether it is gone."""
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
        """Let go of the environment."""
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def _record(self) -> Optional[Dict[str, Any]]:
        try:
            record: Dict[str, Any] = json.loads((self.prefix / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        # The Python below a virtual environment may have been uninstalled: then it is built anew.
        return record if self._exists(self.prefix / "bin" / "python") else None

    def _hold(self) -> None:
        if self._use is None:
            self._use = _open_locked(f"{self.prefix}.use", fcntl.LOCK_SH)
        os.utime(f"{self.prefix}.use")

    @contextmanager
    def _locked(self, log: BinaryIO) -> Iterator[int]:
        lock = _open_locked(f"{self.prefix}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is None:
            log.write(b"Waiting for another run that builds the same environment.\n")
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
        shared: to build from them; otherwise to remove them, which no build may see.

    Yields:
        False, at once, where they were to be removed and an environment is being built.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB
    lock = _open_locked(f"{home}/downloads.lock", how)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def prune(home: Path, unused_days: float, keep: int = 0) -> List[str]:
    """Remove the environments that no run has used for a while and none uses now.

    Args:
        home: Trainshed's home on this node.
        unused_days: how long they must have been unused.
        keep: so many of those used last stay in any case.

    Returns:
        The names of those removed.
    """
    oldest = time.time() - unused_days * 86400
    candidates = [one for one in listed(home)[keep:] if one["used"] <= oldest]
    sweep(home / "environments")
    return sorted(one["key"] for one in candidates if CacheEntry(home, one["key"]).remove())


def listed(home: Path) -> List[Dict[str, Any]]:
    """Return the records of all built environments, the one used last first.

    Args:
        home: Trainshed's home on this node.

    Returns:
        What ``environment.json`` says (key, created, solver, request, resolved, tool), and ``used``: when a run last
        took it, in seconds since 1970.
    """
    found = []
    for path in (home / "environments").glob(f"*/{_RECORD}"):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            used = os.stat(f"{path.parent}.use").st_mtime
        except FileNotFoundError:
            continue  # removed in between
        found.append({**record, "key": path.parent.name, "used": used})
    return sorted(found, key=lambda one: -float(one["used"]))


def sweep(folder: Path) -> None:
    """Remove what builds left that were killed, and removals that were.

    Args:
        folder: the folder of all environments.
    """
    for rest in folder.iterdir() if folder.is_dir() else ():
        if rest.name.startswith(_REMOVED):
            shutil.rmtree(rest, ignore_errors=True)
        elif rest.is_dir() and not (rest / _RECORD).is_file():
            lock = _open_locked(f"{rest}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock is not None:  # else it is being built now
                try:
                    if not (rest / _RECORD).is_file():
                        _discard(rest)
                finally:
                    os.close(lock)


def _discard(prefix: Path) -> None:
    # Renamed first, so that a removal which is cut off leaves no environment with parts missing.
    aside = prefix.parent / f"{_REMOVED}{prefix.name}-{os.getpid()}"
    try:
        prefix.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def _open_locked(path: str, how: int) -> Optional[int]:
    """Open a file and lock it; return None if it is locked by others and ``how`` says not to wait."""
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
        os.close(descriptor)  # removed while we waited for it: what we have locked is nothing to others
