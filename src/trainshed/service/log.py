"""The service's log, which neither a mistake nor an attacker can make fill the disk."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import Counter
from pathlib import Path

_LARGEST = 8 << 20
"""Bytes at which the file is renamed, in place of an older one, and a new one begun."""
_LIKE_EACH_OTHER = 20
_IN_ALL = 200
"""Records written per second; more are counted."""
_KINDS = 100


class ServiceLog(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error: so many records per second, those of one kind and all, and how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._since = 0.0
        self._written: Counter[str] = Counter()
        self._omitted: Counter[str] = Counter()

    def rotate(self, path: Path) -> None:
        """Keep the file small from now on, provided that standard error is that file.

        Args:
            path: the file.
        """
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        if time.monotonic() - self._since >= 1:
            self.tell()
        kind = str(record.msg)
        if self._written[kind] >= _LIKE_EACH_OTHER or self._written.total() >= _IN_ALL:
            self._omitted[kind if len(self._omitted) < _KINDS else "others"] += 1
            return
        self._written[kind] += 1
        super().emit(record)
        self._keep_small()

    def tell(self) -> None:
        """Write how many records were left out, and begin to count anew."""
        with self.lock or contextlib.nullcontext():
            omitted, self._omitted, self._written = self._omitted, Counter(), Counter()
            self._since = time.monotonic()
            for kind, number in omitted.items():
                facts = (logging.WARNING, __file__, 0, "%d more like this one: %s", (number, kind[:200]), None)
                super().emit(logging.LogRecord(__name__, *facts))

    def _keep_small(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):  # the disk is full
            fd = self.stream.fileno()
            if os.fstat(fd).st_size < _LARGEST:
                return
            if os.path.samestat(os.fstat(fd), os.stat(self._path)):
                os.replace(self._path, f"{self._path}.1")
                new = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                for each in (1, 2):  # what threads and libraries print comes here, too
                    os.dup2(new, each)
                os.close(new)
