"""``trainshed completion``, and what it makes a shell ask at each press of the tabulator key."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from trainshed.errors import TrainshedError

if TYPE_CHECKING:
    from trainshed.client.http import Connection

_MOST = 50


def completion(options: argparse.Namespace) -> int:
    """Print the script that a shell has to evaluate to complete commands, options and run ids."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["trainshed"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and exit.

    Args:
        parser: of the whole program.
    """
    import argcomplete

    argcomplete.autocomplete(parser, always_complete_options=False)


def runs(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return the newest runs, if the service runs: a key that is pressed does not start it.

    Args:
        parsed_args: what the line says so far.
    """
    try:
        connection = _connection(parsed_args)
        found = connection.call("GET", "/runs", query={"limit": _MOST})["runs"] if connection else []
    except (TrainshedError, OSError):
        found = []
    return ["@last", *(str(record["id"]) for record in found)]


def _connection(options: argparse.Namespace) -> Connection | None:
    from trainshed.client import locations, remote
    from trainshed.client.embedded import running

    if options.service or (remote.address() and not options.workspace):
        from trainshed.cli import resolve

        return resolve.workspace(options).connection
    root = locations.chosen(options.workspace, create=False) or locations.current()
    return running(root) if os.path.isdir(root) else None
