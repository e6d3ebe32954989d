"""How machines are reached: by a command that runs a shell command line there, and what its failures mean."""

from __future__ import annotations

import shlex
from typing import Dict, NamedTuple, Optional, Protocol, Tuple


class Trouble(NamedTuple):
    """What is known of a failure.

    Attributes:
        sentence: what is wrong and what to do, after "Machine 'x' cannot be reached: ".
        lasting: it stays as it is until somebody changes something, so trying again soon is of no use.
    """

    sentence: str
    lasting: bool


class Way(Protocol):
    """A way to reach a machine. Two that are equal lead to the same machine.

    Attributes:
        name: what people call the machine.
    """

    @property
    def name(self) -> str:
        """Return what people call the machine."""

    def blocked(self) -> str:
        """Return why no try is to be made now, as a sentence of a :class:`Trouble`, or ``""``."""

    def command(self) -> Tuple[str, ...]:
        """Return the command; a shell command line is given to it as its last argument."""

    def environ(self) -> Optional[Dict[str, str]]:
        """Return the environment variables of the command; None for those of the service."""

    def by_hand(self) -> str:
        """Return what a user types to try the connection."""

    def trouble(self, code: int, said: str) -> Optional[Trouble]:
        """Return what it means that the command has ended before the machine answered.

        Args:
            code: its exit code.
            said: what it wrote to its standard error.
        """


class Command(NamedTuple):
    """Any command, about whose failures nothing is known."""

    name: str
    argv: Tuple[str, ...]

    def blocked(self) -> str:
        """Return ``""``; see :meth:`Way.blocked`."""
        return ""

    def command(self) -> Tuple[str, ...]:
        """Return the command; see :meth:`Way.command`."""
        return self.argv

    def environ(self) -> Optional[Dict[str, str]]:
        """Return None; see :meth:`Way.environ`."""
        return None

    def by_hand(self) -> str:
        """Return the command with ``true``; see :meth:`Way.by_hand`."""
        return f"{shlex.join(self.argv)} true"

    def trouble(self, code: int, said: str) -> Optional[Trouble]:  # noqa: ARG002
        """Return None; see :meth:`Way.trouble`."""
        return None


class Place(NamedTuple):
    """Where Trainshed is on a machine, and with which Python.

    Attributes:
        folder: its folder there, absolute or below ``~/``; ``""`` for ``$TRAINSHED_HOME`` or ``~/.trainshed``.
        python: an interpreter there; ``""`` for the first one that is found.
        archive: a file here with a Python for that machine, which is sent if none is found.
        apart: names this machine's own part of the folder, if others have the same folder.
    """

    folder: str = ""
    python: str = ""
    archive: str = ""
    apart: str = ""
