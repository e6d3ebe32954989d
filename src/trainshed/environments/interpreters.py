"""Discovery of the Python interpreters on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from trainshed.system import files

_FULL = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")


class Interpreter(NamedTuple):
    """A Python interpreter.

    Attributes:
        path: absolute path.
        version: e.g. ``(3, 11, 7)``.
    """

    path: str
    version: Tuple[int, ...]

    @property
    def text(self) -> str:
        """Version as a string."""
        return ".".join(map(str, self.version))


def own() -> Interpreter:
    """Return the interpreter of this process."""
    return Interpreter(sys.executable, tuple(sys.version_info[:3]))


def find(wanted: Optional[str], home: Optional[Path] = None) -> Optional[Interpreter]:
    """Return a suitable interpreter: that of this process if possible, otherwise the newest one, or None.

    Args:
        wanted: ``"3.11"``, ``"3.11.4"`` (or another patch release if this one is not installed), ``">=3.9,<3.12"``, or
            None for any version.
        home: Trainshed's home on this node, which contains the cache of versions.
    """
    current = own()
    if wanted is None or satisfies(current.version, wanted):
        return current
    known = everything(home)
    exact = [one for one in known if satisfies(one.version, wanted)]
    suitable = exact or [one for one in known if satisfies(one.version, minor_of(wanted))]
    return max(suitable, key=lambda one: one.version) if suitable else None


def nearest(wanted: str, home: Optional[Path] = None) -> Optional[Interpreter]:
    """Return the interpreter whose version is nearest to a request that none satisfies: rather a newer one.

    Args:
        wanted: as for :func:`find`.
        home: as for :func:`find`.
    """
    numbers = re.search(r"(\d+)\.(\d+)", wanted)
    minor = int(numbers.group(2)) if numbers else own().version[1]
    known = [one for one in everything(home) if one.version[0] == own().version[0]]
    return min(known, key=lambda one: (abs(one.version[1] - minor), -one.version[1], -one.version[2]), default=None)


def minor_of(wanted: str) -> str:
    """Return ``"3.8"`` for ``"3.8.13"``, and other strings unchanged."""
    match = _FULL.match(wanted)
    return f"{match.group(1)}.{match.group(2)}" if match else wanted


def satisfies(version: Tuple[int, ...], wanted: str) -> bool:
    """Return whether a version satisfies a request.

    Example:
        >>> satisfies((3, 11, 7), "3.11"), satisfies((3, 11, 7), ">=3.8,<3.11")
        (True, False)
    """
    return all(_satisfies_clause(version, clause.strip()) for clause in wanted.split(",") if clause.strip())


def _satisfies_clause(version: Tuple[int, ...], clause: str) -> bool:
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


def everything(home: Optional[Path] = None) -> List[Interpreter]:
    """Return the interpreters in the usual folders. Those whose version is cached are not started.

    Args:
        home: Trainshed's home on this node, which contains the cache of versions.
    """
    found: Dict[str, Interpreter] = {own().path: own(), **_in_version_folders()}
    versions = _VersionCache(home)
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *_FOLDERS]:
        # pyenv's shims are shell scripts, some of them for versions that are not installed.
        for path in [] if folder.endswith("/shims") else glob(f"{folder}/python3.[0-9]*"):
            if re.search(r"python3\.\d+\Z", path) and path not in found:
                version = versions.version(path)
                if version:
                    found[path] = Interpreter(path, version)
    versions.save()
    return list(found.values())


def _in_version_folders() -> Dict[str, Interpreter]:
    home = os.path.expanduser("~")
    pyenv = os.environ.get("PYENV_ROOT") or f"{home}/.pyenv"
    managed = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{home}/.local/share/uv/python"
    found = {}
    # Only CPython: the folder names of other implementations often contain their own version instead of Python's.
    for pattern, name in ((f"{pyenv}/versions/*", r"{}\Z"), (f"{managed}/cpython-*", r"cpython-{}-")):
        for folder in glob(pattern):
            match = re.match(name.format(_FULL.pattern), os.path.basename(folder))
            path = f"{folder}/bin/python3"
            if match and os.access(path, os.X_OK):
                found[path] = Interpreter(path, tuple(map(int, match.groups())))
    return found


class _VersionCache:
    """Cache of interpreters' versions by path, modification time and size, so that each one is started only once."""

    def __init__(self, home: Optional[Path]) -> None:
        self._path = None if home is None else home / "interpreters.json"
        self._known: Dict[str, List[Any]] = {}
        self._before: Dict[str, List[Any]] = {}
        if self._path is not None:
            self._known = files.read_json(str(self._path))
            self._before = dict(self._known)

    def version(self, path: str) -> Optional[Tuple[int, ...]]:
        """Return the version of the interpreter at a path, or None if it is not a Python interpreter."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        mark = [status.st_mtime_ns, status.st_size]
        known = self._known.get(path)
        if known is None or known[:2] != mark:
            known = self._known[path] = [*mark, *(_ask(path) or ())]
        return tuple(known[2:]) or None

    def save(self) -> None:
        """Write new entries to the cache file."""
        if self._path is not None and self._known != self._before:
            files.write_json(str(self._path), self._known)


def _ask(path: str) -> Optional[Tuple[int, ...]]:
    argv = [path, "-I", "-S", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
    try:
        output = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _FULL.match(output)
    return tuple(map(int, match.groups())) if match else None
