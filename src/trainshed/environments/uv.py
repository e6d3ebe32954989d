"""Building of environments from PyPI with uv."""

from __future__ import annotations

import os
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

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


class Limits(NamedTuple):
    """Limits of the selection of packages, for versions of some years ago.

    Attributes:
        wheels: packages that are not built here, so that they must have wheels.
        companions: versions of other packages, if any of those is installed.
    """

    wheels: Tuple[str, ...] = ()
    companions: Tuple[str, ...] = ()


NO_LIMITS = Limits()


def install(
    python: Path,
    requirements: Sequence[str],
    options: Sequence[str],
    context: BuildContext,
    limits: Limits = NO_LIMITS,
) -> None:
    """Install packages into an environment.

    Args:
        python: interpreter of the environment.
        requirements: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        context: context of the build.
        limits: limits of the selection.

    Raises:
        EnvironmentBuildException: the packages cannot be installed. The message includes uv's error.
    """
    if not requirements:
        return
    with _listed(python.parent.parent, requirements, options, limits) as (listing, selection):
        argv = ["pip", "install", "--python", str(python), "-r", listing, *selection]
        try:
            _uv(argv, options, context, _FAILED)
        except EnvironmentBuildException as error:
            if not any(_DROPPED in line for line in error.details.get("last_lines", ())):
                raise
            context.say(f"A package needs {_DROPPED}, which setuptools no longer has; trying again with {_OLDER}.")
            older = Path(listing).with_name("build-constraints.txt")
            older.write_text(f"{_OLDER}\n", encoding="utf-8")
            try:
                _uv([*argv, *_also("--build-constraint", older)], options, context, _FAILED)
            finally:
                older.unlink()


def unresolved(
    python: str,
    folder: Path,
    requirements: Sequence[str],
    options: Sequence[str],
    context: BuildContext,
    limits: Limits,
) -> Optional[EnvironmentBuildException]:
    """Return why packages cannot be installed with a Python, or None if they can, as far as uv knows before it does.

    Args:
        python: path of an interpreter, or the version of one that is not on this node.
        folder: folder for temporary files.
        requirements: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        context: context of the build.
        limits: limits of the selection.
    """
    with _listed(folder, requirements, options, limits) as (listing, selection):
        where = "--python" if os.path.isabs(python) else "--python-version"
        argv = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", where, python, listing, *selection]
        try:
            _uv(argv, options, context, _FAILED)
        except EnvironmentBuildException as error:
            return error
    return None


@contextmanager
def _listed(
    folder: Path, requirements: Sequence[str], options: Sequence[str], limits: Limits
) -> Iterator[Tuple[str, List[str]]]:
    """Write the requirements into files, and yield the path of their list and the arguments that name the others."""
    # In a file, none is parsed as an option, and no password is in the command line.
    listing, left_out, companions = (folder / f"{name}.txt" for name in ("requirements", "left-out", "companions"))
    listing.touch(mode=0o600)
    try:
        listing.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        left_out.write_text("".join(f"{name}; {_NEVER}\n" for name in names()), encoding="utf-8")
        companions.write_text("\n".join(limits.companions) + "\n", encoding="utf-8")
        only_wheels = [word for name in limits.wheels for word in ("--only-binary", name)]
        no_more = ["--no-index"] if no_index(os.environ, options) else []
        limiting = _also("--constraint", companions) if limits.companions else []
        yield str(listing), [*_also("--override", left_out), *limiting, *only_wheels, *no_more]
    finally:
        for path in (listing, left_out, companions):
            path.unlink(missing_ok=True)


def _also(argument: str, path: Path) -> List[str]:
    """Return an argument for a file, repeated for the user's files, which uv would not read otherwise."""
    variable = "UV_" + argument[2:].upper().replace("-", "_")
    return [word for each in (str(path), *os.environ.get(variable, "").split()) for word in (argument, each)]


def downloads_are_off() -> bool:
    """Return whether the user does not want Python to be downloaded."""
    return os.environ.get("TRAINSHED_PYTHON_DOWNLOADS") == "never"


def download_python(version: str, context: BuildContext) -> bool:
    """Download a Python interpreter with uv. Returns whether it succeeded.

    Args:
        version: e.g. ``"3.12"``.
        context: context of the build.
    """
    if downloads_are_off():
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
