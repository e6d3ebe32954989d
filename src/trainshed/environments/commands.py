"""Running of the programs that build environments."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from typing import BinaryIO, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments.pip_settings import for_uv
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.secrets import masked
from trainshed.system import signals
from trainshed.system.programs import run_logged

_REMOVED_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")


Wrap = Callable[[Sequence[str], Dict[str, str]], Tuple[Sequence[str], Dict[str, str]]]
"""Function that converts a command and its environment variables to run elsewhere, such as in a container."""


class BuildContext(NamedTuple):
    """Context of an environment build.

    Attributes:
        home: Trainshed's home on this node, which contains the caches.
        log: file for the output of builds.
        lock: file descriptor that started programs keep open, so that its lock is held until they exit even if this
            process is killed; None for none.
        wrap: function that converts commands to run in the environment's image; None for this machine.
    """

    home: str
    log: BinaryIO
    lock: Optional[int] = None
    wrap: Optional[Wrap] = None

    def run(self, argv: Sequence[str], environ: Dict[str, str]) -> Tuple[int, str]:
        """Run a program and wait until it exits. See :func:`run` for the arguments and the result."""
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        return run(*((argv, environ) if self.wrap is None else self.wrap(argv, environ)), context=self)

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self.log.write(f"{masked(line)}\n".encode())


def run(argv: Sequence[str], environ: Dict[str, str], context: BuildContext) -> Tuple[int, str]:
    """Run a program and wait until it exits. Its output is written to the log as it arrives, without passwords in URLs.

    Args:
        argv: program and arguments.
        environ: all environment variables of the program.
        context: context of the build. Its home is the working folder, because in the user's working folder uv might
            read a project's settings.

    Returns:
        Exit code, and the end of the output.
    """
    return run_logged(argv, context.log, environ, context.home, context.lock, masked)


def environ_for_uv(home: str, options: Sequence[str] = ()) -> Dict[str, str]:
    """Return environment variables for uv that correspond to the user's pip settings.

    Args:
        home: Trainshed's home, which contains the cache.
        options: index options of the run, as lines of a requirements file.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _REMOVED_VARIABLES}
    kept.setdefault("UV_CACHE_DIR", os.path.join(home, "uv-cache"))
    fixed = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return {**kept, **for_uv(os.environ, options), **fixed}


def find_uv() -> str:
    """Return the path of uv.

    Raises:
        EnvironmentBuildException: uv is not installed.
    """
    folders = [os.path.dirname(sys.executable), *os.environ.get("PATH", "").split(os.pathsep)]
    home = os.path.expanduser("~")
    found = program("uv", [*folders, f"{home}/.local/bin", f"{home}/.cargo/bin"])
    if found is None:
        raise EnvironmentBuildException("uv, which builds environments, is not installed. Install it: pip install uv")
    return found


def platform_name() -> str:
    """Return what programs of this machine, such as uv, are made for, e.g. ``"Linux x86_64 glibc"``."""
    here = os.uname()
    # Most versions of Python do not recognise musl, which takes the place of glibc on Alpine.
    libc = platform.libc_ver()[0] or ("musl" if here.sysname == "Linux" else "")
    return f"{here.sysname} {here.machine} {libc}".strip()


def program(name: str, folders: Optional[List[str]] = None) -> Optional[str]:
    """Return the path of a program, or None if it is not found.

    Args:
        name: name of the program.
        folders: folders to search. Default: those in ``$PATH``.
    """
    return shutil.which(name, path=None if folders is None else os.pathsep.join(folders))


def failure(what: str, command: str, code: int, output: str) -> EnvironmentBuildException:
    """Return the exception for a failed program, with the relevant part of its output.

    Args:
        what: error message, without the program's output.
        command: command name, e.g. ``"uv pip"``.
        code: exit code.
        output: end of the program's output.
    """
    details = {"command": command, "exit_code": code, "last_lines": output.splitlines()[-20:]}
    said = essence(output)
    if code < 0:
        said = f"{command.split(maxsplit=1)[0]} {signals.ended_by(-code)}.\n{said}".rstrip()
    return EnvironmentBuildException(f"{what}:\n{said}", details)


def essence(output: str, lines: int = 12) -> str:
    """Return the error messages in a solver's output, or its last lines if there are none.

    Args:
        output: end of the solver's output.
        lines: maximum number of lines.
    """
    relevant = [line.rstrip() for line in output.splitlines() if line.strip()]
    starts = [
        at
        for at, line in enumerate(relevant)
        if re.match(r"\s*(\u00d7|x |error|ERROR|Could not|Cannot|The following)", line)
    ]
    return "\n".join((relevant[starts[0] :] if starts else relevant[-lines:])[:lines])
