"""Files for ``trainshed sweep FILE.yml``: its options as YAML, or a HyperDrive file of SDK v1's command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from trainshed.api.configuration.requirements import read_yaml
from trainshed.errors import UserErrorException, did_you_mean
from trainshed.spec.sweep import POLICIES, SAMPLINGS

_SAME = {
    "primary_metric_name": "metric",
    "max_total_runs": "runs",
    "max_concurrent_runs": "at-once",
    "max_duration_minutes": "minutes",
}
"""Keys of v1's files, and the options that they are."""
_NO_POLICY = ("NoTerminationPolicy", "Default", "none", None)
_PLAIN = (
    *("script", "target", "experiment", "metric", "runs", "at-once", "minutes", "seed", "retries", "python", "image"),
    *("backend", "nodes", "processes", "priority", "slots", "time-limit"),
)
_FLAGS = ("minimize", "gpu", "follow")
_LISTS = ("pip", "conda", "resume-from")
_PATHS = ("requirements", "conda-file", "use-python")
_MAPPINGS = ("param", "env", "tag", "data")
_OWN = ("folder", "arguments", "sampling", "policy", "primary_metric_goal")
KEYS = (*_OWN, *_MAPPINGS, *_PLAIN, *_FLAGS, *_LISTS, *_PATHS, *_SAME)


def is_file(name: str) -> bool:
    """Tell whether an argument of ``trainshed sweep`` is a file that describes a sweep."""
    return name.endswith((".yml", ".yaml")) and not os.path.isdir(name)


def read(path: str) -> tuple[list[str], str, list[str]]:
    """Read a file that describes a sweep.

    Args:
        path: its path. Paths in it are relative to its folder.

    Returns:
        Options of ``trainshed sweep``, the source folder, and the script's arguments.

    Raises:
        UserErrorException: the file cannot be read, or a key is unknown or has a value that makes no sense.
    """
    content = read_yaml(path, "sweep file")
    if not isinstance(content, dict):
        raise UserErrorException(f"'{path}' does not describe a sweep: it must have keys such as param and metric.")
    given: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key)
        name = name if name in (*_SAME, *_OWN) else name.replace("_", "-")
        if name not in KEYS:
            raise UserErrorException(f"'{path}' has an unknown key '{key}'.{did_you_mean(str(key), KEYS)}")
        given[_SAME.get(name, name)] = value
    base = os.path.dirname(os.path.abspath(path))
    try:
        words = [f"--{name}={text}" if text else f"--{name}" for name, text in _words(given, base)]
        arguments = [_text("arguments", each) for each in _list("arguments", given.get("arguments"))]
        return words, os.path.join(base, _text("folder", given.get("folder", ""))), arguments
    except UserErrorException as error:
        raise UserErrorException(f"'{path}': {error.message}") from None


def _words(given: Mapping[str, Any], base: str) -> list[tuple[str, str]]:
    """Return options and their values; flags have ``""``."""
    found = []
    for name, value in given.items():
        if name in _PLAIN:
            found.append((name, _text(name, value)))
        elif name in _PATHS:
            text = _text(name, value)
            found.append((name, os.path.join(base, text) if name != "use-python" or os.sep in text else text))
        elif name in _LISTS:
            found += [(name, _text(name, each)) for each in _list(name, value)]
        elif name in _FLAGS:
            found += [(name, "")] if _flag(name, value) else []
        elif name in ("env", "tag"):
            found += [(name, f"{key}={_text(name, each)}") for key, each in _mapping(name, value).items()]
        elif name == "data":
            places = {key: _text(name, each) for key, each in _mapping(name, value).items()}
            found += [
                (name, f"{key}={each if '://' in each else os.path.join(base, each)}") for key, each in places.items()
            ]
        elif name in _SPECIAL:
            found += _SPECIAL[name](value)
    return found


def _params(value: Any) -> list[tuple[str, str]]:
    """Return parameters: ``{name: expression}``, or v1's list of ``{name, expression, values}``."""
    if not isinstance(value, list):
        return [("param", f"{name}={_expression(each)}") for name, each in _mapping("param", value).items()]
    found = []
    for each in value:
        parts = _mapping("parameter_space", each)
        if parts.keys() != {"name", "expression", "values"}:
            raise UserErrorException("each parameter in parameter_space must have a name, an expression and values.")
        values = _list("values", parts["values"])
        arguments = [values] if parts["expression"] == "choice" else values
        found.append(("param", f"{parts['name']}={parts['expression']}({', '.join(map(repr, arguments))})"))
    return found


def _expression(value: Any) -> str:
    """Return an expression as it is typed; a list is a choice among its values."""
    return f"choice({value!r})" if isinstance(value, list) else value if isinstance(value, str) else repr(value)


def _sampling(value: Any) -> list[tuple[str, str]]:
    """Return a sampling method: its name, or v1's ``{type, parameter_space}``."""
    if not isinstance(value, dict):
        return [("sampling", _text("sampling", value).lower())]
    unknown = sorted(map(str, value.keys() - {"type", "parameter_space"}))
    if unknown or "type" not in value:
        raise UserErrorException(
            f"sampling must have type and parameter_space{', not ' * bool(unknown)}{unknown or ''}."
        )
    name = _text("type", value["type"]).lower()
    ours = {theirs.lower(): own for own, theirs in SAMPLINGS.items()}
    space = value.get("parameter_space")
    return [
        ("sampling", ours.get(name, name)),
        *(_params(space) if space is not None else []),
    ]


def _policy(value: Any) -> list[tuple[str, str]]:
    """Return a policy: as it is typed, or v1's ``{type, …its settings}``."""
    if value in _NO_POLICY:
        return []
    if not isinstance(value, dict):
        return [("policy", _text("policy", value))]
    settings = dict(value)
    kind = settings.pop("type", None)
    if kind in _NO_POLICY:
        return []
    known = {f"{theirs}Policy": own for own, theirs in POLICIES.items()}
    if kind not in known:
        raise UserErrorException(f"there is no policy '{kind}'.{did_you_mean(str(kind), known)}")
    return [("policy", f"{known[kind]}({', '.join(f'{name}={each!r}' for name, each in settings.items())})")]


def _goal(value: Any) -> list[tuple[str, str]]:
    goal = _text("primary_metric_goal", value).lower()
    if goal not in ("maximize", "minimize"):
        raise UserErrorException(f"primary_metric_goal must be maximize or minimize, not '{value}'.")
    return [("minimize", "")] if goal == "minimize" else []


_SPECIAL: dict[str, Callable[[Any], list[tuple[str, str]]]] = {
    "param": _params,
    "sampling": _sampling,
    "policy": _policy,
    "primary_metric_goal": _goal,
}


def _text(name: str, value: Any) -> str:
    if isinstance(value, (list, dict)) or value is None:
        raise UserErrorException(f"{name} must be a single value, not {json.dumps(value, default=str)}.")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UserErrorException(f"{name} must be true or false, not {value!r}.")
    return value


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(value, dict):
        raise UserErrorException(f"{name} must be a list.")
    return value if isinstance(value, list) else [] if value is None else [value]


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserErrorException(f"{name} must be of the form NAME: VALUE.")
    return value
