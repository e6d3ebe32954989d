"""Build an environment from conda's channels: with py-rattler, or with the conda that is on the machine."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO, Dict, List, NamedTuple, Optional, Sequence

from trainshed.environments import commands
from trainshed.errors import EnvironmentBuildException

DEFAULT_CHANNELS = ("conda-forge",)
UNREACHABLE = 3
"""Exit code of our solver when a channel cannot be reached."""
_FORGOTTEN_AFTER = 600.0
_ALIASES = {"defaults": ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]}
_NO_ANSWER = ("HTTPError", "ConnectionError", "dns error", "resolve host", "resolve hostname", "timed out",
              "connection refused", "UnavailableInvalidChannel", "download error", "error sending request",
              "No such file")  # fmt: skip


class Unreachable(Exception):
    """No channel answers."""


class Tool(NamedTuple):
    """What can solve and install conda packages here.

    Attributes:
        name: ``"py-rattler"``, ``"micromamba"``, ``"mamba"`` or ``"conda"``.
        path: the program; for py-rattler the Python that has it.
    """

    name: str
    path: str


def tool(sites: Sequence[str]) -> Optional[Tool]:
    """Return what conda packages can be installed with, or None.

    Args:
        sites: folders in which this Python's packages lie (a shim does not have them on its path).
    """
    if any(os.path.isdir(os.path.join(site, "rattler")) for site in sites):
        return Tool("py-rattler", sys.executable)
    for name, variable in (("micromamba", "MAMBA_EXE"), ("mamba", "MAMBA_EXE"), ("conda", "CONDA_EXE")):
        path = commands.program(name) or os.environ.get(variable)
        if path and os.access(path, os.X_OK):
            return Tool(name, path)
    return None


def channels(wished: Sequence[str]) -> List[str]:
    """Return the channels to use, in order of priority.

    Args:
        wished: what the user asked for; empty: ``TRAINSHED_CONDA_CHANNELS``, else conda-forge.
    """
    named = list(wished) or os.environ.get("TRAINSHED_CONDA_CHANNELS", "").split() or list(DEFAULT_CHANNELS)
    known = [url for name in named for url in _ALIASES.get({"anaconda": "defaults"}.get(name, name), [name])]
    return list(dict.fromkeys(known))


def build(chosen: Tool, specs: Sequence[str], where: Sequence[str], prefix: Path, home: str, log: BinaryIO) -> None:
    """Solve and install.

    Args:
        chosen: what with.
        specs: conda match specs, Python's among them.
        where: channels.
        prefix: folder of the environment.
        home: Trainshed's home, with the cache.
        log: where the tool's output goes.

    Raises:
        Unreachable: no channel answers.
        EnvironmentBuildException: with the solver's words.
    """
    log.write(f"Solving {' '.join(specs)} from {' '.join(where)} with {chosen.name}.\n".encode())
    if chosen.name == "py-rattler":
        order = {"specs": list(specs), "channels": list(where), "prefix": str(prefix), "cache": f"{home}/conda-cache"}
        package = str(Path(__file__).parent.parent.parent)
        environ = {**os.environ, "PYTHONPATH": package}
        argv = [chosen.path, "-m", "trainshed.environments.rattler_build", json.dumps(order)]
    else:
        picked = [word for name in where for word in ("-c", name)]
        argv = [chosen.path, "create", "-y", "-p", str(prefix), "--override-channels", *picked, *specs]
        environ = dict(os.environ)
    code, said = commands.run(argv, environ, log)
    if code == UNREACHABLE or (code and chosen.name != "py-rattler" and any(word in said for word in _NO_ANSWER)):
        raise Unreachable(commands.essence(said, 3))
    if code:
        raise EnvironmentBuildException(
            f"conda ({chosen.name}) found no way to install {', '.join(specs)}:\n{commands.essence(said)}",
            {"exit_code": code},
        )


def installed(prefix: Path) -> List[str]:
    """Return what conda has put into an environment, ``name==version``, sorted."""
    names = [path.stem.rsplit("-", 2) for path in (prefix / "conda-meta").glob("*-*-*.json")]
    return sorted(f"{name}=={version}" for name, version, _ in names)


class Silence:
    """Which channels gave no answer lately, so that not every run waits for them.

    Args:
        home: Trainshed's home.
        where: the channels.
    """

    def __init__(self, home: Path, where: Sequence[str]) -> None:
        self._path = home / "conda-silence.json"
        self._name = " ".join(where)

    def lately(self) -> bool:
        """Tell whether these channels were found silent in the last ten minutes."""
        return time.time() - self._known().get(self._name, 0.0) < _FORGOTTEN_AFTER

    def note(self) -> None:
        """Remember that they are silent now."""
        self._path.write_text(json.dumps({**self._known(), self._name: time.time()}))

    def _known(self) -> Dict[str, float]:
        try:
            known: Dict[str, float] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return known
