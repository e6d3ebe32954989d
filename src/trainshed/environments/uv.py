"""Build an environment from PyPI with uv."""

from __future__ import annotations

import os
from glob import glob
from pathlib import Path
from typing import BinaryIO, List, Sequence

from trainshed.environments import commands
from trainshed.errors import EnvironmentBuildException


def make_venv(python: str, prefix: Path, home: str, log: BinaryIO) -> None:
    """Make an empty environment.

    Args:
        python: the interpreter it is made from.
        prefix: its folder.
        home: Trainshed's home.
        log: where uv's output goes.
    """
    log.write(f"Making an environment of {python}.\n".encode())
    _uv(
        ["venv", "--quiet", "--no-project", "--python", python, str(prefix)],
        home,
        log,
        "An environment could not be made",
    )


def install(python: Path, requirements: Sequence[str], options: Sequence[str], home: str, log: BinaryIO) -> None:
    """Install packages into an environment.

    Args:
        python: the environment's interpreter.
        requirements: PEP 508.
        options: index options, as lines of a requirements file.
        home: Trainshed's home.
        log: where uv's output goes.

    Raises:
        EnvironmentBuildException: with what uv says is wrong.
    """
    if not requirements:
        return
    # In a file: no requirement can be taken for an option of the command, and no password stands in a command line.
    listing = python.parent.parent / "requirements.txt"
    lines = [line for line in options if line != "--pre"]
    listing.touch(mode=0o600)
    listing.write_text("\n".join([*lines, *requirements]) + "\n", encoding="utf-8")
    argv = ["pip", "install", "--python", str(python), "-r", str(listing)]
    if "--pre" in options:
        argv += ["--prerelease", "allow"]
    _uv(argv, home, log, "The packages could not be installed")


def download_python(version: str, home: str, log: BinaryIO) -> bool:
    """Have uv fetch a Python that is not here; return whether it could.

    Args:
        version: e.g. ``"3.12"``.
        home: Trainshed's home.
        log: where uv's output goes.
    """
    if os.environ.get("TRAINSHED_PYTHON_DOWNLOADS") == "never":
        return False
    environ = {**commands.environ_for_uv(home), "UV_PYTHON_DOWNLOADS": "manual"}
    code, _ = commands.run([commands.find_uv(), "python", "install", version], environ, log)
    return code == 0


def installed(prefix: Path) -> List[str]:
    """Return what is installed in an environment, ``name==version``, sorted."""
    found = glob(f"{prefix}/lib/python*/site-packages/*.dist-info")
    names = (os.path.basename(path)[: -len(".dist-info")].rpartition("-") for path in found)
    return sorted(f"{name}=={version}" for name, _, version in names)


def _uv(arguments: List[str], home: str, log: BinaryIO, failure: str) -> None:
    code, said = commands.run([commands.find_uv(), *arguments], commands.environ_for_uv(home), log)
    if code:
        raise EnvironmentBuildException(f"{failure}:\n{commands.essence(said)}", {"exit_code": code})
