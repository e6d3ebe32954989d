"""How many connections clients may keep open: so many that the service never runs out of files."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Protocol

_MOST = 500
_SHARE = 4
"""Of the files that the service may have open, one part in so many is for connections of one kind."""


class Droppable(Protocol):
    """A connection that can be ended at any time."""

    def drop(self) -> None:
        """End it at once."""


def most_connections() -> int:
    """Return how many connections of one kind may be open: well below the limit of open files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if files == resource.RLIM_INFINITY else max(min(files // _SHARE, _MOST), 1)


class Connections:
    """The open connections of one kind.

    If there are too many, the one that has been idle the longest is dropped; first, one that has shown no valid token.
    A client whose idle connection was dropped connects again when it has something to ask.

    Args:
        most: how many may be open.
        refuse: whether a new connection is dropped if no other can be.
    """

    def __init__(self, most: int, refuse: bool) -> None:
        self._most = most
        self._refuse = refuse
        # In the order in which they became idle.
        self._strangers: dict[Droppable, None] = {}
        self._clients: dict[Droppable, None] = {}
        self._busy: set[Droppable] = set()

    def __len__(self) -> int:
        return len(self._strangers) + len(self._clients) + len(self._busy)

    def __iter__(self) -> Iterator[Droppable]:
        return iter([*self._strangers, *self._clients, *self._busy])

    def add(self, new: Droppable) -> None:
        """Take a new connection; one of them may be dropped for it.

        Args:
            new: the connection.
        """
        if len(self) >= self._most:
            first = next(iter(self._strangers or self._clients), new if self._refuse else None)
            if first is not None:
                self.remove(first)
                first.drop()
            if first is new:
                return
        self._strangers[new] = None

    def busy(self, one: Droppable) -> None:
        """Note that a request is being served."""
        if one not in self._busy:
            self.remove(one)
            self._busy.add(one)

    def idle(self, one: Droppable, client: bool) -> None:
        """Note that a request has been served.

        Args:
            one: the connection.
            client: it had a valid token.
        """
        self.remove(one)
        (self._clients if client else self._strangers)[one] = None

    def remove(self, one: Droppable) -> None:
        """Forget a connection."""
        self._strangers.pop(one, None)
        self._clients.pop(one, None)
        self._busy.discard(one)
