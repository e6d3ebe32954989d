"""Pieces that the parsers of all commands are made of."""

from __future__ import annotations

import argparse
from typing import Any


def common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command accepts, before or after its name."""
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    parser.add_argument(
        "--workspace",
        metavar="NAME|PATH",
        default=argparse.SUPPRESS,
        help="workspace (default: $TRAINSHED_WORKSPACE, else a config.json in this folder or above, else 'default')",
    )
    parser.add_argument(
        "--service",
        metavar="ADDRESS",
        default=argparse.SUPPRESS,
        help="use the service at http://host:port instead of a workspace (default: $TRAINSHED_SERVICE), with the token "
        "in the file $TRAINSHED_TOKEN_FILE",
    )


def command(commands: Any, name: str, run: str, help: str, example: str = "") -> argparse.ArgumentParser:  # noqa: A002 - argparse's own word
    """Add a command, with what all commands accept.

    Args:
        commands: where it is added.
        name: its name.
        run: ``"module:function"`` in this room.
        help: what it does.
        example: one line.
    """
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}" if example else None,
    )
    made.set_defaults(run=run)
    common(made)
    return made


def package_options(parser: argparse.ArgumentParser) -> Any:
    """Add the options that say which packages a script needs, and return their group."""
    group = parser.add_argument_group("packages")
    group.add_argument(
        "-p", "--pip", action="append", default=[], metavar="PACKAGE", help="pip requirement; repeatable"
    )
    group.add_argument(
        "-c", "--conda", action="append", default=[], metavar="PACKAGE", help="conda package; repeatable"
    )
    group.add_argument("-r", "--requirements", metavar="FILE", help="pip requirements file")
    group.add_argument("--conda-file", metavar="FILE", help="conda environment file")
    group.add_argument("--python", metavar="VERSION", help="Python version, such as 3.11")
    group.add_argument("--use-python", metavar="PATH", help="use this Python as it is; install nothing")
    return group


def run_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names one run."""
    names_runs(parser.add_argument("run_name", metavar="RUN", help="id, beginning of an id, or @last"))


def names_runs(argument: argparse.Action) -> None:
    """Have a shell complete an argument with the ids of runs."""
    argument.completer = _runs  # type: ignore[attr-defined]  # argcomplete's


def _runs(**asked: Any) -> list[str]:
    from trainshed.cli.completion import runs  # only when a shell asks

    return runs(**asked)
