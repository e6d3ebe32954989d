"""The shim's state files in the run directory: its claim, the phases, and how the run ended."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict

from trainshed.spec import layout
from trainshed.system import files, process


class RunState:
    """The shim's records in one run directory.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.phase = "Preparing"

    def claim(self) -> bool:
        """Become the only shim of this run.

        Returns:
            False if another shim has or had the run: at most one ever starts the script.
        """
        who = process.identity(os.getpid())
        return files.write_once(self._path(layout.SHIM), json.dumps(who))

    def enter(self, phase: str, **facts: Any) -> None:
        """Record that the run has entered a phase.

        Args:
            phase: a state of :mod:`trainshed.spec.states`.
            facts: JSON values about it.
        """
        self.phase = phase
        line = json.dumps({"phase": phase, "time": time.time(), **facts}) + "\n"
        fd = os.open(self._path(layout.PHASES), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    def close(self, how: Dict[str, Any]) -> None:
        """Record how the run ended, once and atomically.

        Args:
            how: the content of ``exit.json``.
        """
        text = json.dumps({"phase": self.phase, "time": time.time(), **how})
        files.write(self._path(layout.EXIT), text, durable=True)

    def cancel_requested(self) -> bool:
        """Tell whether the service has requested that the run be cancelled."""
        return os.path.exists(self._path(layout.CANCEL))

    def _path(self, name: str) -> str:
        return os.path.join(self.run_dir, name)
