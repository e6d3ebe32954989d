"""The parameters of a script, as its arguments name them."""

from __future__ import annotations

import json
import re

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence, Union

_NAMED = re.compile(r"--?([A-Za-z_][^=\s]*)(?:=(.*))?\Z", re.DOTALL)


def parameters(arguments: Sequence[str]) -> Dict[str, Any]:
    """Return the parameters in a list of arguments, by name: numbers as numbers, options without a value as True.

    Args:
        arguments: what follows the name of the script.

    Example:
        >>> parameters(["--lr", "0.1", "--layers=2", "--fast", "data.csv"])
        {'lr': 0.1, 'layers': 2, 'fast': 'data.csv'}
    """
    found: Dict[str, Any] = {}
    waiting = None
    for argument in arguments:
        named = _NAMED.match(argument)
        if named:
            waiting = named.group(1) if named.group(2) is None else None
            found[named.group(1)] = True if named.group(2) is None else value_of(named.group(2))
        elif waiting:
            found[waiting] = value_of(argument)
            waiting = None
    return found


def value_of(text: str) -> Union[int, float, str]:
    """Return a text as a number if it is one.

    Args:
        text: the text.

    Example:
        >>> value_of("1e-3"), value_of("2"), value_of("adam")
        (0.001, 2, 'adam')
    """
    for kind in (int, float):
        try:
            return kind(text) if len(text) <= 40 and "_" not in text else text
        except ValueError:
            continue
    return text


def parameter(arguments: Optional[str], name: str) -> Union[int, float, str, None]:
    """Return one parameter, for use in SQL.

    Args:
        arguments: the list of arguments as JSON.
        name: name of the parameter.

    Example:
        >>> parameter('["--lr", "0.1"]', "lr")
        0.1
    """
    if not arguments or name not in arguments:
        return None
    try:
        found = parameters([str(each) for each in json.loads(arguments)]).get(name)
    except (ValueError, RecursionError, TypeError):
        return None
    if isinstance(found, int) and not -(1 << 63) <= found < 1 << 63:
        return float(found) if abs(found) < 10**300 else str(found)
    return found
