"""The one place where this room starts programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import BinaryIO, Dict, List, Optional, Tuple

from trainshed.environments.pip_settings import for_uv, masked
from trainshed.errors import EnvironmentBuildException

_KEPT = 16384
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOT_THEIRS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")


def run(argv: List[str], environ: Dict[str, str], log: BinaryIO) -> Tuple[int, str]:
    """Run a program to its end; what it says goes to the log as it says it, without URLs' passwords.

    Args:
        argv: the program and its arguments.
        environ: its whole environment.
        log: where its output goes.

    Returns:
        Its exit code, and the end of what it said.
    """
    said = ""
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ
    ) as child:
        assert child.stdout is not None
        try:
            for raw in child.stdout:
                line = masked(_ESCAPES.sub("", raw.decode("utf-8", "replace")))
                log.write(line.encode())
                said = (said + line)[-_KEPT:]
        except BaseException:
            child.kill()  # cancelled: nobody waits for it any more
            raise
    return child.returncode, said


def environ_for_uv(home: str) -> Dict[str, str]:
    """Return the environment in which uv works as the user's pip would.

    Args:
        home: Trainshed's home, with the cache.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    kept.setdefault("UV_CACHE_DIR", os.path.join(home, "uv-cache"))
    return {**kept, **for_uv(os.environ), "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


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


def essence(said: str, lines: int = 12) -> str:
    """Return the part of a solver's words that says what is wrong.

    Args:
        said: all that it said last.
        lines: at most so many lines of it.
    """
    told = [line.rstrip() for line in said.splitlines() if line.strip()]
    starts = [
        at
        for at, line in enumerate(told)
        if re.match(r"\s*(\u00d7|x |error|ERROR|Could not|Cannot|The following)", line)
    ]
    return "\n".join((told[starts[0] :] if starts else told[-lines:])[:lines])
