"""Built environments: named by the hash of what defines them, built once under a lock, pruned by last use.

An environment is built where it will stay, since conda and console scripts write their own path into files. What
makes a folder an environment is ``environment.json``, written last: a folder without it is the rest of a build that
was cut off, and the next build removes it.
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
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Optional

FORMAT = 1
_RECORD = "environment.json"


def key_of(wish: Dict[str, Any]) -> str:
    """Return the name under which an environment is cached.

    Args:
        wish: all that decides what is in it (JSON); the machine's platform is added.
    """
    libc = "-".join(platform.libc_ver()) if sys.platform.startswith("linux") else platform.release()
    whole = {**wish, "format": FORMAT, "platform": [sys.platform, platform.machine(), libc]}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:20]


class Slot:
    """The place of one environment in the cache. Held open, it keeps the environment from being pruned.

    Args:
        home: Trainshed's home on this node.
        key: the environment's name.
    """

    def __init__(self, home: Path, key: str) -> None:
        self.key = key
        self.prefix = home / "environments" / key
        self._lock: Optional[int] = None
        self._path = home / "environments" / f"{key}.lock"

    def found(self) -> Optional[Dict[str, Any]]:
        """Return the record of the environment if it is built, and hold it."""
        if not (self.prefix / _RECORD).is_file():
            return None
        self._hold(fcntl.LOCK_SH)
        try:
            record: Dict[str, Any] = json.loads((self.prefix / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None  # pruned in between
        os.utime(self._path)
        return record

    def build(self, log: BinaryIO, make: Callable[[Path], Dict[str, Any]]) -> Dict[str, Any]:
        """Build the environment, unless another process has done so by the time it is our turn.

        Args:
            log: told when another build is waited for.
            make: builds into the folder and returns what the record is to say.

        Returns:
            The environment's record.
        """
        if not self._hold(fcntl.LOCK_EX | fcntl.LOCK_NB):
            log.write(b"Waiting for another run that builds the same environment.\n")
            self._hold(fcntl.LOCK_EX)
        record = self.found_by_other()
        if record is None:
            shutil.rmtree(self.prefix, ignore_errors=True)
            try:
                record = {**make(self.prefix), "key": self.key, "created": time.time()}
                part = self.prefix / f"{_RECORD}.part"
                part.write_text(json.dumps(record, indent=1), encoding="utf-8")
                part.replace(self.prefix / _RECORD)
            except BaseException:
                shutil.rmtree(self.prefix, ignore_errors=True)
                self.release()
                raise
        self._hold(fcntl.LOCK_SH)
        return record

    def found_by_other(self) -> Optional[Dict[str, Any]]:
        """Return the record if another process has built the environment meanwhile."""
        path = self.prefix / _RECORD
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def remove(self) -> bool:
        """Remove the environment unless a run holds it; return whether it is gone."""
        if not self._hold(fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
        shutil.rmtree(self.prefix, ignore_errors=True)
        self._path.unlink()
        self.release()
        return True

    def release(self) -> None:
        """Let go of the environment."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold(self, how: int) -> bool:
        if self._lock is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, how)
        except BlockingIOError:
            return False
        return True


def listed(home: Path) -> List[Dict[str, Any]]:
    """Return the environments that are built: ``{"key", "solver", "resolved", "created", "used"}``, last used first.

    Args:
        home: Trainshed's home on this node.
    """
    found = []
    for path in (home / "environments").glob(f"*/{_RECORD}"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.append({**record, "used": (path.parent.parent / f"{record['key']}.lock").stat().st_mtime})
    return sorted(found, key=lambda record: -record["used"])


def prune(home: Path, unused_days: float) -> List[str]:
    """Remove the environments that no run has used for a while and none uses now.

    Args:
        home: Trainshed's home on this node.
        unused_days: how long they must have been unused.

    Returns:
        The names of those removed.
    """
    oldest = time.time() - unused_days * 86400
    locks = [path for path in (home / "environments").glob("*.lock") if path.stat().st_mtime <= oldest]
    return [lock.stem for lock in sorted(locks) if Slot(home, lock.stem).remove()]
