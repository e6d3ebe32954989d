"""Detects the Python of an image: once per image, by running a few lines in it."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, NamedTuple, Optional, Sequence, Tuple

from trainshed.system.files import read_json, write_json

_PROGRAM = """
import json, sys
import zlib, select, hashlib, subprocess
print("trainshed:" + json.dumps([sys.executable, list(sys.version_info[:3]), sys.prefix]))
"""
_MPI = """
import json, shutil, subprocess
path = shutil.which("mpirun") or ""
output = path and subprocess.run([path, "--version"], capture_output=True, text=True).stdout
print("trainshed:" + json.dumps([path, output]))
"""
_MARK = "trainshed:"
OLDEST = (3, 8)
"""The oldest Python for Trainshed's own programs."""
NAMES = ("python3", "python")


class Python(NamedTuple):
    """A Python as seen in an image.

    Attributes:
        path: path of its program in the image.
        version: e.g. ``(3, 11, 7)``.
        mounted: folder of this machine that must be mounted for it; ``""`` for the image's own.
    """

    path: str
    version: Tuple[int, ...]
    mounted: str = ""


Run = Callable[[Sequence[str], Sequence[str]], Tuple[int, str]]
"""Runs a program in the image: (argv, folders to mount) → exit code and output."""


class Probe:
    """Facts about an image.

    Args:
        home: Trainshed's home on this node, where results are cached.
        image_id: the image.
        run: runs a program in it.

    Attributes:
        path: the cache file.
    """

    def __init__(self, home: str, image_id: str, run: Run) -> None:
        self.path = os.path.join(home, "images", f"{image_id.rpartition(':')[2]}.json")
        self._run = run
        self._known = read_json(self.path)

    def python(self, names: Sequence[str] = NAMES) -> Optional[Python]:
        """Return the first of the image's own Pythons that exists and works, or None.

        Args:
            names: names or paths to try, in this order.
        """
        for name in names:
            if name not in self._known:
                self._known[name] = self._ask(name, (), _PROGRAM)
                write_json(self.path, self._known)
            if self._known[name]:
                path, version, _ = self._known[name]
                return Python(path, tuple(version))
        return None

    def mounted(self, candidates: Sequence[Tuple[str, str]]) -> Optional[Python]:
        """Return a Python of this machine that works in the image, or None.

        Args:
            candidates: (path of the program, folder with all its files), the best first.
        """
        known = self._known.get("mounted")
        if known and os.path.exists(known[0]) and (known[0], known[2]) in [*map(tuple, candidates)]:
            return Python(known[0], tuple(known[1]), known[2])
        for program, folder in candidates:
            answer = self._ask(program, (folder,), _PROGRAM)
            if answer:
                # That none works is not cached: the next one may have been installed meanwhile.
                self._known["mounted"] = [program, answer[1], folder]
                write_json(self.path, self._known)
                return Python(program, tuple(answer[1]), folder)
        return None

    def mpirun(self, python: str, mounts: Sequence[str]) -> Tuple[str, str]:
        """Return path and version text of the image's own ``mpirun``; both empty if it has none.

        Args:
            python: path in the image of a working Python.
            mounts: folders that it needs.
        """
        if "mpirun" not in self._known:
            self._known["mpirun"] = self._ask(python, mounts, _MPI) or ["", ""]
            write_json(self.path, self._known)
        path, output = self._known["mpirun"]
        return str(path), str(output)

    def _ask(self, name: str, mounts: Sequence[str], program: str) -> Optional[Any]:
        code, output = self._run((name, "-B", "-I", "-c", program), mounts)
        lines = [line for line in output.splitlines() if line.startswith(_MARK)]
        return json.loads(lines[-1][len(_MARK) :]) if code == 0 and lines else None
