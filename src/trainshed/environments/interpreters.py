"""The Pythons of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from glob import glob
from typing import Dict, List, NamedTuple, Optional, Tuple

_FULL = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")


class Interpreter(NamedTuple):
    """A Python.

    Attributes:
        path: its absolute path.
        version: e.g. ``(3, 11, 7)``.
    """

    path: str
    version: Tuple[int, ...]

    @property
    def text(self) -> str:
        """The version as text."""
        return ".".join(map(str, self.version))


def own() -> Interpreter:
    """Return the Python that runs this."""
    return Interpreter(sys.executable, tuple(sys.version_info[:3]))


def find(wanted: Optional[str]) -> Optional[Interpreter]:
    """Return the best Python here for a wish: our own where it will do, else the newest that does.

    Args:
        wanted: ``"3.11"``, ``"3.11.4"`` (another patch release will do when it is not here), ``">=3.9,<3.12"``, or
            None for any.
    """
    ours = own()
    if wanted is None or satisfies(ours.version, wanted):
        return ours
    known = everything()
    exact = [one for one in known if satisfies(one.version, wanted)]
    near = exact or [one for one in known if satisfies(one.version, minor_of(wanted))]
    return max(near, key=lambda one: one.version) if near else None


def minor_of(wanted: str) -> str:
    """Return ``"3.8"`` for ``"3.8.13"``; anything else as it is."""
    match = _FULL.match(wanted)
    return f"{match.group(1)}.{match.group(2)}" if match else wanted


def satisfies(version: Tuple[int, ...], wanted: str) -> bool:
    """Tell whether a version is one that is wanted.

    Example:
        >>> satisfies((3, 11, 7), "3.11"), satisfies((3, 11, 7), ">=3.8,<3.11")
        (True, False)
    """
    return all(_keeps(version, clause.strip()) for clause in wanted.split(",") if clause.strip())


def _keeps(version: Tuple[int, ...], clause: str) -> bool:
    operator, text = re.match(r"([<>=!~]*)\s*(.*)", clause).groups()  # type: ignore[union-attr]
    bound = tuple(int(part) for part in re.findall(r"\d+", text))
    same = version[: len(bound)] == bound
    short = version[: len(bound)]
    return {
        ">=": version >= bound,
        ">": short > bound,
        "<": version < bound,
        "<=": short <= bound,
        "!=": not same,
        "~=": version >= bound and version[: len(bound) - 1] == bound[:-1],
    }.get(operator, same)


def everything() -> List[Interpreter]:
    """Return the Pythons found in the usual places, without starting those whose folder tells the version."""
    found: Dict[str, Interpreter] = {own().path: own()}
    home = os.path.expanduser("~")
    pyenv = os.environ.get("PYENV_ROOT") or f"{home}/.pyenv"
    managed = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{home}/.local/share/uv/python"
    for pattern in (f"{pyenv}/versions/*/bin/python3", f"{managed}/*/bin/python3"):
        for path in glob(pattern):
            match = _FULL.search(os.path.basename(os.path.dirname(os.path.dirname(path))))
            if match:
                found[path] = Interpreter(path, tuple(map(int, match.groups())))
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *_FOLDERS]:
        # pyenv's shims are shell scripts that answer for Pythons they do not have.
        for path in [] if folder.endswith("/shims") else glob(f"{folder}/python3.[0-9]*"):
            if re.search(r"python3\.\d+\Z", path) and path not in found:
                asked = _ask(path)
                if asked:
                    found[path] = asked
    return list(found.values())


def _ask(path: str) -> Optional[Interpreter]:
    argv = [path, "-I", "-S", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
    try:
        told = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _FULL.match(told)
    return Interpreter(path, tuple(map(int, match.groups()))) if match else None
