"""Building of environments from conda channels, with py-rattler or the machine's conda."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from trainshed.environments import commands
from trainshed.spec.secrets import masked
from trainshed.system import files

DEFAULT_CHANNELS = ("conda-forge",)
REQUEST = "TRAINSHED_CONDA_REQUEST"
"""Variable with the request for ``rattler_build``, as JSON: ``{"specs", "channels", "prefix", "cache"}``."""
UNREACHABLE = 3
"""Exit code of ``rattler_build`` if a channel cannot be reached."""
_BACKOFF_SECONDS = 600.0
_ALIASES = {"defaults": ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]}
_NO_ANSWER = ("HTTPError", "ConnectionError", "dns error", "resolve host", "resolve hostname", "timed out",
              "connection refused", "UnavailableInvalidChannel", "download error", "error sending request",
              "No such file")  # fmt: skip


class Unreachable(Exception):
    """No conda channel can be reached."""


class Tool(NamedTuple):
    """A program that can solve and install conda packages.

    Attributes:
        name: ``"py-rattler"``, ``"micromamba"``, ``"mamba"`` or ``"conda"``.
        path: path of the program; for py-rattler, of the Python interpreter in which it is installed.
    """

    name: str
    path: str


def tool(sites: Sequence[str]) -> Optional[Tool]:
    """Return the program to install conda packages with, or None if none is available.

    Args:
        sites: site-packages folders of this Python, which are not on a shim's path.
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
        requested: the user's channels. Default: ``$TRAINSHED_CONDA_CHANNELS``, or conda-forge if that is not set.
    """
    named = list(requested) or _configured() or list(DEFAULT_CHANNELS)
    known = [url for name in named for url in _ALIASES.get({"anaconda": "defaults"}.get(name, name), [name])]
    return list(dict.fromkeys(known))


def _configured() -> List[str]:
    return re.findall(r"[^\s,]+", os.environ.get("TRAINSHED_CONDA_CHANNELS", ""))


def build(
    chosen: Tool, specs: Sequence[str], where: Sequence[str], prefix: Path, context: commands.BuildContext
) -> None:
    """Create an environment with conda packages.

    Args:
        chosen: program to use.
        specs: conda match specs, including that of Python.
        where: conda channels.
        prefix: folder of the environment.
        context: context of the build.

    Raises:
        Unreachable: no conda channel can be reached.
        EnvironmentBuildException: the packages cannot be installed. The message includes the solver's error.
    """
    context.say(f"Solving {' '.join(specs)} from {' '.join(where)} with {chosen.name}.")
    environ = dict(os.environ)
    if chosen.name == "py-rattler":
        request = {"specs": list(specs), "channels": list(where), "prefix": str(prefix), "cache": _cache(context)}
        # Channels may contain passwords, and all users of the machine can read a process's arguments.
        environ.update({REQUEST: json.dumps(request), "PYTHONPATH": str(Path(__file__).parent.parent.parent)})
        argv = [chosen.path, "-m", "trainshed.environments.rattler_build"]
    else:
        options = [word for name in where for word in ("-c", name)]
        argv = [chosen.path, "create", "-y", "-p", str(prefix), "--override-channels", *options, *specs]
    code, output = context.run(argv, environ)
    if code == UNREACHABLE or (code and chosen.name != "py-rattler" and any(word in output for word in _NO_ANSWER)):
        raise Unreachable(commands.essence(output, 3))
    if code:
        what = f"conda ({chosen.name}) could not install {', '.join(map(masked, specs))}"
        raise commands.failure(what, f"{chosen.name} create", code, output)


def _cache(context: commands.BuildContext) -> str:
    return os.path.join(context.home, "conda-cache")


def installed(prefix: Path) -> List[str]:
    """Return the sorted conda packages in an environment, as ``name==version``."""
    names = [path.stem.rsplit("-", 2) for path in (prefix / "conda-meta").glob("*-*-*.json")]
    return sorted(f"{name}=={version}" for name, version, _ in names)


class ChannelBackoff:
    """Records unreachable conda channels, so that not every run waits for their timeout.

    Args:
        home: Trainshed's home.
        where: conda channels.
    """

    def __init__(self, home: Path, where: Sequence[str]) -> None:
        self._path = home / "conda-backoff.json"
        self._name = masked(" ".join(where))

    def active(self) -> bool:
        """Return whether the channels were unreachable in the last ten minutes."""
        return bool(time.time() - files.read_json(str(self._path)).get(self._name, 0.0) < _BACKOFF_SECONDS)

    def start(self) -> None:
        """Record that the channels are unreachable now."""
        files.write_json(str(self._path), {**files.read_json(str(self._path)), self._name: time.time()})
