"""Building of environments from PyPI with uv."""

from __future__ import annotations

import os
from glob import glob
from pathlib import Path
from typing import List, Sequence

from trainshed.environments import commands
from trainshed.environments.commands import BuildContext
from trainshed.environments.pip_settings import no_index
from trainshed.environments.sdk_packages import names, normal_name
from trainshed.errors import EnvironmentBuildException

_FAILED = "The packages could not be installed"
# Many old packages need pkg_resources to build, which newer setuptools releases no longer contain.
_DROPPED = "pkg_resources"
_OLDER = "setuptools<81"
# A marker that is never true, so that no other package brings a package of SDK v1 either.
_NEVER = "python_version < '0'"


def make_venv(python: str, prefix: Path, context: BuildContext, more: Sequence[str] = ()) -> None:
    """Create an empty virtual environment.

    Args:
        python: base interpreter.
        prefix: folder to create.
        context: context of the build.
        more: additional arguments for ``uv venv``.
    """
    context.say(f"Creating an environment with {python}.")
    argv = ["venv", "--quiet", "--no-project", *more, "--python", python, str(prefix)]
    _uv(argv, (), context, "The environment could not be created")


def install(python: Path, requirements: Sequence[str], options: Sequence[str], context: BuildContext) -> None:
    """Install packages into an environment.

    Args:
        python: interpreter of the environment.
        requirements: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        context: context of the build.

    Raises:
        EnvironmentBuildException: the packages cannot be installed. The message includes uv's error.
    """
    if not requirements:
        return
    # Pass the requirements in a file, so that none is parsed as an option and no password is in the command line.
    listing = python.parent.parent / "requirements.txt"
    older = listing.with_name("build-constraints.txt")
    left_out = listing.with_name("left-out.txt")
    listing.touch(mode=0o600)
    try:
        listing.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        left_out.write_text("".join(f"{name}; {_NEVER}\n" for name in names()), encoding="utf-8")
        argv = ["pip", "install", "--python", str(python), "-r", str(listing), "--override", str(left_out)]
        if no_index(os.environ, options):
            argv.append("--no-index")
        try:
            _uv(argv, options, context, _FAILED)
        except EnvironmentBuildException as error:
            if not any(_DROPPED in line for line in error.details.get("last_lines", ())):
                raise
            context.say(f"A package needs {_DROPPED}, which setuptools no longer has; trying again with {_OLDER}.")
            older.write_text(f"{_OLDER}\n", encoding="utf-8")
            _uv([*argv, "--build-constraints", str(older)], options, context, _FAILED)
    finally:
        listing.unlink()
        left_out.unlink(missing_ok=True)
        older.unlink(missing_ok=True)


def download_python(version: str, context: BuildContext) -> bool:
    """Download a Python interpreter with uv. Returns whether it succeeded.

    Args:
        version: e.g. ``"3.12"``.
        context: context of the build.
    """
    if os.environ.get("TRAINSHED_PYTHON_DOWNLOADS") == "never":
        return False
    # Install it only in uv's own folder, without adding it to the user's PATH.
    fixed = {"UV_PYTHON_DOWNLOADS": "manual", "UV_PYTHON_INSTALL_BIN": "0"}
    environ = {**commands.environ_for_uv(context.home), **fixed}
    context.say(f"Python {version} is not on this node; downloading it with uv.")
    code, _ = context.run([commands.find_uv(), "python", "install", version], environ)
    return code == 0


def version(context: BuildContext) -> str:
    """Return the version of uv, e.g. ``"uv 0.9.1"``."""
    code, output = context.run([commands.find_uv(), "--version"], commands.environ_for_uv(context.home))
    return " ".join(output.split()[:2]) if code == 0 else "uv"


def installed(prefix: Path) -> List[str]:
    """Return the sorted packages in an environment, as ``name==version``."""
    found = glob(f"{prefix}/lib/python*/site-packages/*.dist-info")
    names = (os.path.basename(path)[: -len(".dist-info")].rpartition("-") for path in found)
    return sorted(f"{normal_name(name)}=={version}" for name, _, version in names)


def _uv(arguments: List[str], options: Sequence[str], context: BuildContext, what: str) -> None:
    environ = commands.environ_for_uv(context.home, options)
    code, output = context.run([commands.find_uv(), *arguments], environ)
    if code:
        raise commands.failure(what, f"uv {arguments[0]}", code, output)
