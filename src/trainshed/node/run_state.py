"""The shim's state files in the run directory: its claim, the phases, and how the run ended."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Dict

from trainshed.spec import layout
from trainshed.system import confined, files, process
from trainshed.system.removal import remove_inside


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
        try:
            confined.append_inside(self.run_dir, layout.PHASES, line.encode())
        except OSError as error:
            # A script may have put something else there, or filled the disk: the run goes on.
            sys.stderr.write(f"{layout.PHASES}: {phase} could not be recorded: {error}\n")

    def close(self, how: Dict[str, Any]) -> None:
        """Record how the run ended, once and atomically.

        Args:
            how: the content of ``exit.json``.
        """
        text = json.dumps({"phase": self.phase, "time": time.time(), **how})
        try:
            if os.path.islink(self.run_dir):
                raise NotADirectoryError(self.run_dir)
            files.write(self._path(layout.EXIT), text, durable=True)
        except OSError:
            self._make_way()
            files.write(self._path(layout.EXIT), text, durable=True)

    def _make_way(self) -> None:
        """Undo what a script may have done to the place of ``exit.json``."""
        if os.path.islink(self.run_dir) or (os.path.lexists(self.run_dir) and not os.path.isdir(self.run_dir)):
            os.unlink(self.run_dir)
        os.makedirs(self.run_dir, mode=0o700, exist_ok=True)
        os.chmod(self.run_dir, 0o700)
        remove_inside(self.run_dir, layout.EXIT)

    def cancel_requested(self) -> bool:
        """Tell whether the service has requested that the run be cancelled."""
        return os.path.lexists(self._path(layout.CANCEL))

    def _path(self, name: str) -> str:
        return os.path.join(self.run_dir, name)
