"""Write the reference of the command line from its parser, as Markdown.

python tools/cli_reference.py docs/reference/cli.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from trainshed.cli.parser import parser

INTRODUCTION = """# Command line

`trainshed COMMAND --help` prints what stands here. Every command also takes the options under
[all commands](#all-commands).
"""


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a parser's commands, by name."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def spelling(action: argparse.Action) -> str:
    """Return an argument as it is typed: ``-p PACKAGE, --pip PACKAGE``."""
    value = str(action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper())
    if not action.option_strings:
        return f"[{value}]" if action.nargs == "?" else value
    return ", ".join(name if action.nargs == 0 else f"{name} {value}" for name in action.option_strings)


def rows(actions: list[argparse.Action]) -> Iterator[str]:
    """Yield a table of arguments; nothing if there are none to show."""
    shown = [action for action in actions if action.help != argparse.SUPPRESS and action.dest != "help"]
    if shown:
        yield "| | |\n|---|---|"
        for action in shown:
            typed = spelling(action).replace("|", "\\|")
            yield f"| `{typed}` | {(action.help or '').replace('|', chr(92) + '|')} |"
        yield ""


def section(name: str, command: argparse.ArgumentParser, common: set[str]) -> Iterator[str]:
    """Yield the lines about one command."""
    command._get_formatter = lambda: argparse.RawDescriptionHelpFormatter(command.prog, width=100)  # type: ignore[method-assign]
    usage = command.format_usage().partition("usage: ")[2].strip()
    yield f"## {name}\n\n{command.description}\n\n```text\n{usage}\n```\n"
    for group in command._action_groups:
        own = [action for action in group._group_actions if action.dest not in common]
        if group.title not in ("positional arguments", "options", "optional arguments") and own:
            yield f"{(group.title or '').capitalize()}:\n"
        yield from rows(own)
    if command.epilog:
        example = command.epilog.partition("\n")[2]
        yield "```text\n" + "\n".join(line.strip() for line in example.splitlines()) + "\n```\n"


def reference() -> str:
    """Return the whole page."""
    top = parser()
    taken = [action for action in top._actions if action.option_strings and action.dest != "help"]
    common = {action.dest for action in taken} - {"version"}
    lines = [INTRODUCTION, "## All commands\n", *rows(taken)]
    for name, command in commands(top).items():
        lines += section(name, command, common)
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
