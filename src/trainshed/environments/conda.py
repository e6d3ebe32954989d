"""Builds an environment from conda channels: with py-rattler, or with the conda of this machine."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from trainshed.environments import commands
from trainshed.environments.pip_settings import masked
from trainshed.system import files

DEFAULT_CHANNELS = ("conda-forge",)
REQUEST = "TRAINSHED_CONDA_REQUEST"
"""Variable with the request for our solver, as JSON: ``{"specs", "channels", "prefix", "cache"}``."""
UNREACHABLE = 3
"""Exit code of our solver if a channel cannot be reached."""
_FORGOTTEN_AFTER = 600.0
_ALIASES = {"defaults": ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]}
_NO_ANSWER = ("HTTPError", "ConnectionError", "dns error", "resolve host", "resolve hostname", "timed out",
              "connection refused", "UnavailableInvalidChannel", "download error", "error sending request",
              "No such file")  # fmt: skip


class Unreachable(Exception):
    """No channel answers."""


class Tool(NamedTuple):
    """A program that can solve and install conda packages.

    Attributes:
        name: ``"py-rattler"``, ``"micromamba"``, ``"mamba"`` or ``"conda"``.
        path: the program; for py-rattler the Python that has it.
    """

    name: str
    path: str


def tool(sites: Sequence[str]) -> Optional[Tool]:
    """Return the program for conda packages, or None.

    Args:
        sites: folders with this Python's packages (a shim does not have them on its path).
    """
    if any(os.path.isdir(os.path.join(site, "rattler")) for site in sites):
        return Tool("py-rattler", sys.executable)
    for name, variable in (("micromamba", "MAMBA_EXE"), ("mamba", "MAMBA_EXE"), ("conda", "CONDA_EXE")):
        path = commands.program(name) or os.environ.get(variable)
        if path and os.access(path, os.X_OK):
            return Tool(name, path)
    return None


def channels(requested: Sequence[str]) -> List[str]:
    """Return the channels to use, in order of priority.

    Args:
        requested: the user's channels; if empty, ``TRAINSHED_CONDA_CHANNELS``, else conda-forge.
    """
    named = list(requested) or _configured() or list(DEFAULT_CHANNELS)
    known = [url for name in named for url in _ALIASES.get({"anaconda": "defaults"}.get(name, name), [name])]
    return list(dict.fromkeys(known))


def _configured() -> List[str]:
    return re.findall(r"[^\s,]+", os.environ.get("TRAINSHED_CONDA_CHANNELS", ""))


def build(
    chosen: Tool, specs: Sequence[str], where: Sequence[str], prefix: Path, context: commands.BuildContext
) -> None:
    """Solve and install.

    Args:
        chosen: the program to use.
        specs: conda match specs, including Python's.
        where: channels.
        prefix: folder of the environment.
        context: how it is built.

    Raises:
        Unreachable: no channel answers.
        EnvironmentBuildException: with the solver's error.
    """
    context.say(f"Solving {' '.join(specs)} from {' '.join(where)} with {chosen.name}.")
    environ = dict(os.environ)
    if chosen.name == "py-rattler":
        request = {"specs": list(specs), "channels": list(where), "prefix": str(prefix), "cache": _cache(context)}
        # Not as an argument, which all users of the machine could read: channels may contain passwords.
        environ.update({REQUEST: json.dumps(request), "PYTHONPATH": str(Path(__file__).parent.parent.parent)})
        argv = [chosen.path, "-m", "trainshed.environments.rattler_build"]
    else:
        picked = [word for name in where for word in ("-c", name)]
        argv = [chosen.path, "create", "-y", "-p", str(prefix), "--override-channels", *picked, *specs]
    code, output = context.run(argv, environ)
    if code == UNREACHABLE or (code and chosen.name != "py-rattler" and any(word in output for word in _NO_ANSWER)):
        raise Unreachable(commands.essence(output, 3))
    if code:
        what = f"conda ({chosen.name}) could not find a way to install {', '.join(map(masked, specs))}"
        raise commands.failure(what, f"{chosen.name} create", code, output)


def _cache(context: commands.BuildContext) -> str:
    return os.path.join(context.home, "conda-cache")


def installed(prefix: Path) -> List[str]:
    """Return the conda packages in an environment, ``name==version``, sorted."""
    names = [path.stem.rsplit("-", 2) for path in (prefix / "conda-meta").glob("*-*-*.json")]
    return sorted(f"{name}=={version}" for name, version, _ in names)


class ChannelBackoff:
    """Remembers which channels did not answer recently, so that not every run waits for them.

    Args:
        home: Trainshed's home.
        where: the channels.
    """

    def __init__(self, home: Path, where: Sequence[str]) -> None:
        self._path = home / "conda-backoff.json"
        self._name = masked(" ".join(where))

    def active(self) -> bool:
        """Tell whether these channels were unreachable in the last ten minutes."""
        return bool(time.time() - files.read_json(str(self._path)).get(self._name, 0.0) < _FORGOTTEN_AFTER)

    def start(self) -> None:
        """Remember that they are unreachable now."""
        files.write_json(str(self._path), {**files.read_json(str(self._path)), self._name: time.time()})
