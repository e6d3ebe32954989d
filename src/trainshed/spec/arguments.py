"""The parameters of a script, as its arguments name them."""

from __future__ import annotations

import json
import re

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Sequence, Union

MLFLOW = "mlflow.param."
"""Begins the names of the properties that hold what MLflow calls parameters."""
_NAMED = re.compile(r"--?([A-Za-z_][^=\s]*)(?:=(.*))?\Z", re.DOTALL)


def parameters(arguments: Sequence[str], properties: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """Return the parameters in a list of arguments, by name: numbers as numbers, options without a value as True.

    Args:
        arguments: what follows the name of the script.
        properties: the run's properties, which hold the parameters that it has logged through MLflow.

    Example:
        >>> parameters(["--lr", "0.1", "--layers=2", "--fast", "data.csv"])
        {'lr': 0.1, 'layers': 2, 'fast': 'data.csv'}
    """
    logged = {name: text for name, text in (properties or {}).items() if name.startswith(MLFLOW)}
    found: Dict[str, Any] = {name[len(MLFLOW) :]: value_of(str(text)) for name, text in logged.items()}
    for name, text in _named(arguments).items():
        found[name] = True if text is None else value_of(text)
    return found


def parameter_texts(arguments: Sequence[str]) -> Dict[str, str]:
    """Return the parameters in a list of arguments as they were written; options without a value are ``"True"``.

    Args:
        arguments: what follows the name of the script.

    Example:
        >>> parameter_texts(["--lr", "1e-3", "--fast"])
        {'lr': '1e-3', 'fast': 'True'}
    """
    return {name: "True" if text is None else text for name, text in _named(arguments).items()}


def _named(arguments: Sequence[str]) -> Dict[str, Optional[str]]:
    """Return the options in a list of arguments, None for those without a value."""
    found: Dict[str, Optional[str]] = {}
    waiting = None
    for argument in arguments:
        named = _NAMED.match(argument)
        if named:
            waiting = named.group(1) if named.group(2) is None else None
            found[named.group(1)] = named.group(2)
        elif waiting:
            found[waiting] = argument
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


def parameter(arguments: Optional[str], properties: str, name: str) -> Union[int, float, str, None]:
    """Return one parameter, for use in SQL.

    Args:
        arguments: the list of arguments as JSON.
        properties: the run's properties as JSON.
        name: name of the parameter.

    Example:
        >>> parameter('["--lr", "0.1"]', "{}", "lr")
        0.1
    """
    if name not in (arguments or "") and name not in properties:
        return None
    try:
        found = parameters([str(each) for each in json.loads(arguments or "[]")], json.loads(properties)).get(name)
    except (ValueError, RecursionError, TypeError, AttributeError):
        return None
    if isinstance(found, int) and not -(1 << 63) <= found < 1 << 63:
        return float(found) if abs(found) < 10**300 else str(found)
    return found
