"""Commands about web services."""

from __future__ import annotations

from typing import Any

from trainshed.cli.parser_parts import command


def services(commands: Any) -> None:
    """Add ``services`` and ``call``."""
    made = command(
        commands,
        "services",
        "services:services",
        "list the web services, show the log of one, or delete it",
        "trainshed services; trainshed services logs digits; trainshed services delete digits",
    )
    made.add_argument("what", nargs="?", default="list", choices=("list", "logs", "delete"), help="default: list")
    made.add_argument("name", nargs="?", metavar="NAME", help="logs, delete: the web service")
    made = command(
        commands,
        "call",
        "services:call",
        "call a web service, and print its answer",
        """trainshed call digits '{"data": [[0, 5, 9]]}'; trainshed call digits @request.json""",
    )
    made.add_argument("name", metavar="NAME", help="the web service")
    made.add_argument("data", metavar="DATA", help="body of the request; @FILE is read from FILE, - from the input")
