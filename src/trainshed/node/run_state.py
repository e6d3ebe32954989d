"""What the shim leaves in the run directory: that it holds the run, the phases, and how it ended."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict

from trainshed.spec import layout
from trainshed.system import process


class RunState:
    """The shim's records in one run directory.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.phase = "Preparing"

    def claim(self) -> bool:
        """Become the one shim of this run.

        Returns:
            False when another shim has or had the run: at most one ever starts the script.
        """
        who = process.identity(os.getpid())
        mine = f"{self._path(layout.SHIM)}.{os.getpid()}"
        _write(mine, json.dumps(who), durable=True)
        try:
            # A link appears at once and whole, or not at all.
            os.link(mine, self._path(layout.SHIM))
        except FileExistsError:
            return False
        finally:
            os.unlink(mine)
        return True

    def enter(self, phase: str, **facts: Any) -> None:
        """Note that the run is in ``phase`` now.

        Args:
            phase: a state of :mod:`trainshed.spec.states`.
            facts: JSON values that belong to it.
        """
        self.phase = phase
        line = json.dumps({"phase": phase, "time": time.time(), **facts}) + "\n"
        fd = os.open(self._path(layout.PHASES), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def close(self, how: Dict[str, Any]) -> None:
        """Write how the run ended, once and atomically.

        Args:
            how: the content of ``exit.json``.
        """
        target = self._path(layout.EXIT)
        _write(target + ".part", json.dumps({"phase": self.phase, "time": time.time(), **how}), durable=True)
        os.replace(target + ".part", target)
        folder = os.open(self.run_dir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def cancel_requested(self) -> bool:
        """Tell whether the service has asked for the run to be cancelled."""
        return os.path.exists(self._path(layout.CANCEL))

    def _path(self, name: str) -> str:
        return os.path.join(self.run_dir, name)


def _write(path: str, text: str, durable: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode())
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
