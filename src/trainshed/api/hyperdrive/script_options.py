"""Which parameters of a sweep its script does not accept, as far as that can be read in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from trainshed.errors import did_you_mean
from trainshed.spec.sweep_checks import flag_of

_OPEN = ("parse_known_args", "parse_known_intermixed_args", "add_subparsers")
"""Methods of a parser that may accept options which ``add_argument`` does not name."""


def not_accepted(text: str, names: Iterable[str]) -> str:
    r"""Return what to say of the parameters that a script with ``argparse`` refuses; ``""`` if it may accept all.

    Args:
        text: the script.
        names: names of the parameters.

    Example:
        >>> script = "parser = ArgumentParser()\nparser.add_argument('--alpha')\noptions = parser.parse_args()"
        >>> not_accepted(script, ["alpha", "--beta", "alfa"])
        "--beta. --alfa. Did you mean '--alpha'?"
    """
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError):
        return ""
    known = _options(calls)
    if known is None:
        return ""
    refused = [flag for flag in map(flag_of, names) if not any(option.startswith(flag) for option in known)]
    return " ".join(f"{flag}.{did_you_mean(flag, known)}" for flag in refused)


def _options(calls: list[ast.Call]) -> list[str] | None:
    """Return the options of a script's only parser; None if there may be others."""
    parsers = [call for call in calls if _name(call.func) == "ArgumentParser"]
    parsed = [call for call in calls if _name(call.func) == "parse_args"]
    if len(parsers) != 1 or not parsed or any(call.args or call.keywords for call in parsed):
        return None
    if any(word.arg in ("parents", "prefix_chars", "fromfile_prefix_chars", None) for word in parsers[0].keywords):
        return None
    owners = {_name(call.func.value) for call in parsed if isinstance(call.func, ast.Attribute)}
    found: list[str] = []
    for call in calls:
        if _name(call.func) in _OPEN or any(_name(value) in owners - {""} for value in call.args):
            return None
        if _name(call.func) == "add_argument":
            values = [_text(value) for value in call.args]
            if not all(values):
                return None
            found += values
    return found


def _name(node: Any) -> str:
    """Return the last part of a name such as ``argparse.ArgumentParser``."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _text(node: Any) -> str:
    # Before Python 3.8, a string was ast.Str.
    value = node.value if hasattr(node, "value") else getattr(node, "s", None)
    return value if isinstance(value, str) else ""
