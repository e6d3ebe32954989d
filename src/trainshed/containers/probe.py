"""Detects the Python and MPI of an image, once per image, by running a short program in it."""

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
"""Oldest Python version that Trainshed's own programs support."""
NAMES = ("python3", "python")


class Python(NamedTuple):
    """A Python interpreter in a container.

    Attributes:
        path: path in the container.
        version: e.g. ``(3, 11, 7)``.
        mounted: folder of this machine to mount, or ``""`` if the interpreter is part of the image.
    """

    path: str
    version: Tuple[int, ...]
    mounted: str = ""


Run = Callable[[Sequence[str], Sequence[str]], Tuple[int, str]]
"""Function that runs a program in an image: (argv, folders to mount) → (exit code, output)."""


class Probe:
    """Facts about an image, which are cached.

    Args:
        home: Trainshed's home on this node, which contains the cache.
        image_id: id of the image.
        run: function that runs a program in the image.

    Attributes:
        path: path of the cache file.
    """

    def __init__(self, home: str, image_id: str, run: Run) -> None:
        self.path = os.path.join(home, "images", f"{image_id.rpartition(':')[2]}.json")
        self._run = run
        self._known = read_json(self.path)

    def python(self, names: Sequence[str] = NAMES) -> Optional[Python]:
        """Return the first working Python interpreter of the image, or None.

        Args:
            names: names or paths to try, in order.
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
        """Return a Python interpreter of this machine that works in the image when mounted, or None.

        Args:
            candidates: (path of the interpreter, folder with all its files), best first.
        """
        known = self._known.get("mounted")
        if known and os.path.exists(known[0]) and (known[0], known[2]) in [*map(tuple, candidates)]:
            return Python(known[0], tuple(known[1]), known[2])
        for program, folder in candidates:
            answer = self._ask(program, (folder,), _PROGRAM)
            if answer:
                # A negative result is not cached, because a suitable Python may be installed later.
                self._known["mounted"] = [program, answer[1], folder]
                write_json(self.path, self._known)
                return Python(program, tuple(answer[1]), folder)
        return None

    def mpirun(self, python: str, mounts: Sequence[str]) -> Tuple[str, str]:
        """Return the path and version output of the image's ``mpirun``, or empty strings if it has none.

        Args:
            python: path of a working Python interpreter in the container.
            mounts: folders to mount for the interpreter.
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
