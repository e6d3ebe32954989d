"""What of a request is secret: values of environment variables, and passwords and tokens in URLs."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from trainshed.spec.checks import HIDDEN

_USER = re.compile(r'(\w+://)(?<!ssh://)[^/\s?#"]+@|(ssh://[^/\s:]+):[^/\s?#"]+@')
_TOKEN = re.compile(r"(\w+://[^\s/]+/t/|[?&](?:sig|token|access_token|key|password)=)[^/&\s'\"]+", re.IGNORECASE)
_VARIABLES = ("environment_variables", "environmentVariables")
_CONTAINERS = ("container", "docker")
_ENV_OPTION = re.compile(r"(--env=|-e=?)?([A-Za-z_]\w*)=.*", re.DOTALL)


def masked(text: str) -> str:
    """Return text without the user names, passwords and tokens of URLs.

    Example:
        >>> masked("https://me:secret@host/simple")
        'https://***@host/simple'
        >>> masked("git+ssh://git@host/project.git")
        'git+ssh://git@host/project.git'
    """
    if "://" not in text and "=" not in text:
        return text
    return _TOKEN.sub(rf"\1{HIDDEN}", _USER.sub(_hidden_user, text))


def _hidden_user(found: re.Match[str]) -> str:
    return f"{found[1]}{HIDDEN}@" if found[1] else f"{found[2]}:{HIDDEN}@"


def without_secrets(request: Any) -> Any:
    """Return a request, or a description of an environment, as it may be stored and shown.

    Args:
        request: JSON types.

    Example:
        >>> without_secrets({"environment_variables": {"TOKEN": "hunter2"}, "arguments": ["--alpha", "1"]})
        {'environment_variables': {'TOKEN': '***'}, 'arguments': ['--alpha', '1']}
    """
    if isinstance(request, str):
        return masked(request)
    if isinstance(request, (list, tuple)):
        return [without_secrets(item) for item in request]
    if not isinstance(request, dict):
        return request
    shown: Dict[str, Any] = {}
    for name, value in request.items():
        if name in _VARIABLES and isinstance(value, dict):
            shown[name] = dict.fromkeys(value, HIDDEN)
        elif name in _CONTAINERS and isinstance(value, dict):
            shown[name] = without_secrets(value)
            if isinstance(value.get("arguments"), list):
                shown[name]["arguments"] = _engine_options([str(option) for option in value["arguments"]])
        else:
            shown[name] = without_secrets(value)
    return shown


def _engine_options(options: List[str]) -> List[str]:
    """Return options of a container engine without the values of ``-e NAME=value`` and ``--env NAME=value``."""
    shown = []
    for before, option in zip(["", *options], options):
        found = _ENV_OPTION.fullmatch(option)
        is_value = found and (found[1] or before in ("-e", "--env"))
        shown.append(f"{found[1] or ''}{found[2]}={HIDDEN}" if found and is_value else masked(option))
    return shown
