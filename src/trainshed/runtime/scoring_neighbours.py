"""Which processes of a web service have nothing to do: each tells the others, by a few bytes of a file in memory.

A caller that keeps its connection open stays with the process that has accepted it. So a process leaves a new
connection to one that is idle and has fewer, and has a caller connect again if others wait while another process rests.
"""

import contextlib
import mmap
import os
import struct
import tempfile
import time

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Dict, Optional, Tuple

VARIABLE = "TRAINSHED_NEIGHBOURS"
"""Environment variable of a process: descriptor of the file, its own number, and how many there are."""
_PLACE = struct.Struct("<dQ")
"""Since when it has had nothing to do (0: it has something to do, or is not there), and its connections."""
_REST = 0.02
"""Seconds without any request, after which a process rests; a caller's next request comes sooner."""
_MOST_LEFT = 5
"""Every fifth time it is not left to another: one that hangs does not take it."""


class Board:
    """The file, as the keeper of the processes has it.

    Args:
        count: number of the processes.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._file = tempfile.TemporaryFile() if count > 1 else None  # noqa: SIM115 - open as long as the keeper
        if self._file is not None:
            self._file.truncate(count * _PLACE.size)

    def environ(self, number: int) -> "Dict[str, str]":
        """Return what a process is told by its environment.

        Args:
            number: of the process, from 0.
        """
        return {} if self._file is None else {VARIABLE: "{}:{}:{}".format(self._file.fileno(), number, self._count)}

    @property
    def descriptors(self) -> "Tuple[int, ...]":
        """What a process inherits."""
        return () if self._file is None else (self._file.fileno(),)

    def gone(self, number: int) -> None:
        """Note that a process is not there.

        Args:
            number: of the process.
        """
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._file.fileno(), bytes(_PLACE.size), number * _PLACE.size)


class Neighbours:
    """The other processes of a service, as one of them sees them.

    Args:
        told: the value of :data:`VARIABLE`.
    """

    def __init__(self, told: str) -> None:
        descriptor, self._own, count = (int(part) for part in told.split(":"))
        self._map = mmap.mmap(descriptor, count * _PLACE.size)
        os.close(descriptor)
        self._left = 0
        self._others = [number * _PLACE.size for number in range(count) if number != self._own]

    def idle(self, connections: int) -> None:
        """Tell the others that there is nothing to do here.

        Args:
            connections: how many are open here.
        """
        _PLACE.pack_into(self._map, self._own * _PLACE.size, time.monotonic(), connections)

    def busy(self) -> None:
        """Tell the others that there is something to do here."""
        _PLACE.pack_into(self._map, self._own * _PLACE.size, 0.0, 0)

    def take_it(self, connections: "Optional[int]") -> bool:
        """Tell whether a new connection is better left to another process: an idle one with fewer of them.

        Args:
            connections: how many are open here; None: this process is busy, and any idle one is better.
        """
        for at in self._others:
            since, there = _PLACE.unpack_from(self._map, at)
            if since and (connections is None or there < connections):
                self._left = (self._left + 1) % _MOST_LEFT
                return self._left > 0
        return False

    def rest(self) -> bool:
        """Tell whether another process has had nothing to do for a while."""
        before = time.monotonic() - _REST
        return any(0 < _PLACE.unpack_from(self._map, at)[0] < before for at in self._others)


def neighbours() -> "Optional[Neighbours]":
    """Return the other processes of this one's service; None if there are none."""
    told = os.environ.pop(VARIABLE, "")
    return Neighbours(told) if told else None
