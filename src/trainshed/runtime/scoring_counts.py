"""How many requests a web service answers, and how long they take.

Each process of a service has a file of its own, mapped into memory: counting a request is a few writes to memory, and
every process of the service can add up the files of all.
"""

import math
import mmap
import os
import struct
import time

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

FOLDER = "requests"
"""Folder of the files, in the run directory."""
PATH = "/trainshed/requests"
"""Path at which a service tells its counts to those who know a key."""
_WINDOW = 30.0
"""Seconds of a window. There are two, the one that is filled and the one before, so that figures are of 30 to 60 s."""
_STEPS = 8
"""Buckets for each doubling of a time: a percentile is exact to 9 %."""
_BUCKETS = 240
"""The last one is for more than a quarter of an hour."""
_TOTALS = struct.Struct("<QQ")
_BEGUN = struct.Struct("<d")
_ONE = struct.Struct("<I")
_HISTOGRAM = struct.Struct("<{}I".format(_BUCKETS))
_LENGTH = _BEGUN.size + _HISTOGRAM.size
_SIZE = _TOTALS.size + 2 * _LENGTH
_PERCENTILES = (50, 90, 99)


class Counts:
    """The counts of this process.

    Args:
        folder: folder of the files of all processes of the service; created if necessary.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder
        path = os.path.join(folder, str(os.getpid()))
        with open(path, "wb") as file:
            file.write(bytes(_SIZE))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._requests = self._failed = 0
        self._counted = [0] * _BUCKETS
        self._at = _TOTALS.size
        self._end = 0.0

    def add(self, seconds: float, failed: bool = False) -> None:
        """Count a request.

        Args:
            seconds: how long the script took.
            failed: the script raised an exception, or took too long.
        """
        now = time.monotonic()
        if now >= self._end:
            self._next(now)
        bucket = _bucket(seconds)
        self._counted[bucket] += 1
        _ONE.pack_into(self._map, self._at + _BEGUN.size + bucket * _ONE.size, self._counted[bucket] & 0xFFFFFFFF)
        self._requests += 1
        self._failed += failed
        _TOTALS.pack_into(self._map, 0, self._requests, self._failed)

    def _next(self, now: float) -> None:
        """Begin a window, in the place of the one before the last."""
        self._at = _TOTALS.size + (_LENGTH if self._at == _TOTALS.size else 0)
        self._map[self._at : self._at + _LENGTH] = _BEGUN.pack(now) + bytes(_HISTOGRAM.size)
        self._counted = [0] * _BUCKETS
        self._end = now + _WINDOW

    def told(self) -> "Dict[str, Any]":
        """Return the counts of all processes of the service: ``"requests"`` and ``"failed"`` since it was started.

        Of the last half a minute to a minute: ``"per_second"`` and, if there were any requests, ``"ms_50"``,
        ``"ms_90"`` and ``"ms_99"``. Of this process: seconds of ``"cpu"`` and bytes of ``"memory"``.
        """
        now, requests, failed = time.monotonic(), 0, 0
        lately, since = [0] * _BUCKETS, now
        for name in os.listdir(self._folder):
            content = _content(os.path.join(self._folder, name))
            if content is None:
                continue
            more, bad = _TOTALS.unpack_from(content, 0)
            requests, failed = requests + more, failed + bad
            for at in (_TOTALS.size, _TOTALS.size + _LENGTH):
                begun = _BEGUN.unpack_from(content, at)[0]
                if now - 2 * _WINDOW <= begun <= now:
                    since = min(since, begun)
                    counts = _HISTOGRAM.unpack_from(content, at + _BEGUN.size)
                    lately = [one + other for one, other in zip(lately, counts)]
        count = sum(lately)
        told = {"requests": requests, "failed": failed, "per_second": count / max(now - since, 1.0) if count else 0.0}
        told.update(_percentiles(lately, count))
        told.update(_used())
        return told


def _content(path: str) -> "Optional[bytes]":
    try:
        with open(path, "rb") as file:
            content = file.read(_SIZE + 1)
    except OSError:
        return None
    return content if len(content) == _SIZE else None


def _bucket(seconds: float) -> int:
    return min(int(_STEPS * math.log2(max(seconds * 1e6, 1.0))), _BUCKETS - 1)


def _percentiles(counts: "List[int]", count: int) -> "Dict[str, float]":
    found: "Dict[str, float]" = {}
    passed, wanted = 0, list(_PERCENTILES)
    for bucket, there in enumerate(counts):
        passed += there
        while count and wanted and passed >= count * wanted[0] / 100:
            found["ms_{}".format(wanted.pop(0))] = 2 ** ((bucket + 0.5) / _STEPS) / 1000
    return found


def _used() -> "Dict[str, Any]":
    """Return what this process uses; no memory where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        memory = 0
    return {"cpu": time.process_time(), "memory": memory}
