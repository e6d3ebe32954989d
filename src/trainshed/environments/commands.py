"""Runs the programs that build environments."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import BinaryIO, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments.pip_settings import for_uv, masked
from trainshed.errors import EnvironmentBuildException
from trainshed.system.programs import run_logged

_NOT_THEIRS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")


Wrap = Callable[[Sequence[str], Dict[str, str]], Tuple[Sequence[str], Dict[str, str]]]
"""Converts a command and its environment into those that run it elsewhere, such as in a container."""


class BuildContext(NamedTuple):
    """How an environment is built.

    Attributes:
        home: Trainshed's home on this node, with the caches.
        log: file for the output of builds.
        lock: descriptor that started programs keep open, so that its lock is held until they end even if this process
            is
            killed; None for none.
        wrap: converts commands to run where the environment will be used, if that is not this machine.
    """

    home: str
    log: BinaryIO
    lock: Optional[int] = None
    wrap: Optional[Wrap] = None

    def run(self, argv: Sequence[str], environ: Dict[str, str]) -> Tuple[int, str]:
        """Run a program until it ends. Arguments and result: see :func:`run`."""
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        return run(*((argv, environ) if self.wrap is None else self.wrap(argv, environ)), context=self)

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self.log.write(f"{masked(line)}\n".encode())


def run(argv: Sequence[str], environ: Dict[str, str], context: BuildContext) -> Tuple[int, str]:
    """Run a program until it ends, with its output in the log as it arrives, without passwords in URLs.

    Args:
        argv: the program and its arguments.
        environ: its complete environment.
        context: where its output goes, and its working folder (not the user's, where uv would read the settings of a
            project).

    Returns:
        Its exit code, and the end of its output.
    """
    return run_logged(argv, context.log, environ, context.home, context.lock, masked)


def environ_for_uv(home: str, options: Sequence[str] = ()) -> Dict[str, str]:
    """Return the environment variables that make uv behave like the user's pip.

    Args:
        home: Trainshed's home, with the cache.
        options: a run's index options, as lines of a requirements file.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    kept.setdefault("UV_CACHE_DIR", os.path.join(home, "uv-cache"))
    fixed = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return {**kept, **for_uv(os.environ, options), **fixed}


def find_uv() -> str:
    """Return the path of uv.

    Raises:
        EnvironmentBuildException: it is not installed.
    """
    folders = [os.path.dirname(sys.executable), *os.environ.get("PATH", "").split(os.pathsep)]
    home = os.path.expanduser("~")
    found = program("uv", [*folders, f"{home}/.local/bin", f"{home}/.cargo/bin"])
    if found is None:
        raise EnvironmentBuildException("uv, which builds environments, is not installed. Install it: pip install uv")
    return found


def program(name: str, folders: Optional[List[str]] = None) -> Optional[str]:
    """Return the path of a program, or None.

    Args:
        name: its name.
        folders: where to search; None searches the PATH.
    """
    return shutil.which(name, path=None if folders is None else os.pathsep.join(folders))


def failure(what: str, command: str, code: int, output: str) -> EnvironmentBuildException:
    """Return the exception for a program that failed, with the relevant part of its output.

    Args:
        what: what could not be done.
        command: the kind of command, e.g. ``"uv pip"``.
        code: its exit code.
        output: the end of its output.
    """
    details = {"command": command, "exit_code": code, "last_lines": output.splitlines()[-20:]}
    return EnvironmentBuildException(f"{what}:\n{essence(output)}", details)


def essence(output: str, lines: int = 12) -> str:
    """Return the part of a solver's output that says what is wrong.

    Args:
        output: the end of its output.
        lines: the maximum number of lines.
    """
    relevant = [line.rstrip() for line in output.splitlines() if line.strip()]
    starts = [
        at
        for at, line in enumerate(relevant)
        if re.match(r"\s*(\u00d7|x |error|ERROR|Could not|Cannot|The following)", line)
    ]
    return "\n".join((relevant[starts[0] :] if starts else relevant[-lines:])[:lines])
