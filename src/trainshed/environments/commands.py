"""The one place where this room starts programs that build."""

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
"""Makes of a command and its environment those by which it runs somewhere else, such as in a container."""


class BuildContext(NamedTuple):
    """Where an environment is built.

    Attributes:
        home: Trainshed's home on this node, with the caches.
        log: where builds write.
        lock: descriptor that programs we start keep open, so that what it locks stays locked until they end even if
            we are killed; None for no such thing.
        wrap: puts programs where the environment will be used, if that is not right here.
    """

    home: str
    log: BinaryIO
    lock: Optional[int] = None
    wrap: Optional[Wrap] = None

    def run(self, argv: Sequence[str], environ: Dict[str, str]) -> Tuple[int, str]:
        """Run a program to its end. Arguments and result: see :func:`run`."""
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        return run(*((argv, environ) if self.wrap is None else self.wrap(argv, environ)), context=self)

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self.log.write(f"{masked(line)}\n".encode())


def run(argv: Sequence[str], environ: Dict[str, str], context: BuildContext) -> Tuple[int, str]:
    """Run a program to its end; what it says goes to the log as it says it, without URLs' passwords.

    Args:
        argv: the program and its arguments.
        environ: its whole environment.
        context: where its output goes, and the folder it works in (not the user's: uv would read the settings of a
            project it finds there).

    Returns:
        Its exit code, and the end of what it said.
    """
    return run_logged(argv, context.log, environ, context.home, context.lock, masked)


def environ_for_uv(home: str, options: Sequence[str] = ()) -> Dict[str, str]:
    """Return the environment in which uv works as the user's pip would.

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
        EnvironmentBuildException: it is not here.
    """
    folders = [os.path.dirname(sys.executable), *os.environ.get("PATH", "").split(os.pathsep)]
    home = os.path.expanduser("~")
    found = program("uv", [*folders, f"{home}/.local/bin", f"{home}/.cargo/bin"])
    if found is None:
        raise EnvironmentBuildException("Environments are built by uv, which is not here. Install it: pip install uv")
    return found


def program(name: str, folders: Optional[List[str]] = None) -> Optional[str]:
    """Return the path of a program, or None.

    Args:
        name: its name.
        folders: where to look; None: on the PATH.
    """
    return shutil.which(name, path=None if folders is None else os.pathsep.join(folders))


def failure(what: str, command: str, code: int, output: str) -> EnvironmentBuildException:
    """Return the exception for a program that failed, with the part of its words that says why.

    Args:
        what: what could not be done.
        command: the kind of command, e.g. ``"uv pip"``.
        code: its exit code.
        output: all that it said last.
    """
    details = {"command": command, "exit_code": code, "last_lines": output.splitlines()[-20:]}
    return EnvironmentBuildException(f"{what}:\n{essence(output)}", details)


def essence(output: str, lines: int = 12) -> str:
    """Return the part of a solver's words that says what is wrong.

    Args:
        output: all that it said last.
        lines: at most so many lines of it.
    """
    relevant = [line.rstrip() for line in output.splitlines() if line.strip()]
    starts = [
        at
        for at, line in enumerate(relevant)
        if re.match(r"\s*(\u00d7|x |error|ERROR|Could not|Cannot|The following)", line)
    ]
    return "\n".join((relevant[starts[0] :] if starts else relevant[-lines:])[:lines])
