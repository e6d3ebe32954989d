"""The shim's state files in the run directory: its claim, the phases, and how the run ended."""

from __future__ import annotations

import os
import sys
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.node.exit_room import NO_ROOM, ExitRoom
from trainshed.spec import layout
from trainshed.system import confined, files, jsons, process, signals
from trainshed.system.removal import remove_inside

if TYPE_CHECKING:
    from typing import Any, Dict

_PAUSES = (0.1, 0.3, 1.0, 3.0, 10.0, *(30.0,) * 19, 0.0)
"""Seconds between attempts to write how a run ended: ten minutes in all."""


class RunState:
    """The shim's records in one run directory.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.phase = "Preparing"
        self.noted: Dict[str, Any] = {}
        self._room = ExitRoom(run_dir)

    def claim(self, group: str = "") -> bool:
        """Become the only shim of this run.

        Args:
            group: folder of this process's control group, if it has one of its own.

        Returns:
            False if another shim has or had the run: at most one ever starts the script.

        Raises:
            OSError: there is no room for the claim, or for how the run will end.
        """
        self._room.reserve()
        who = {**(process.identity(os.getpid()) or {}), **({"group": group} if group else {})}
        return files.write_once(self._path(layout.SHIM), jsons.dumps(who))

    def enter(self, phase: str, **facts: Any) -> None:
        """Record that the run has entered a phase.

        Args:
            phase: a state of :mod:`trainshed.spec.states`.
            facts: JSON values about it.
        """
        self.phase = phase
        line = jsons.dumps({"phase": phase, "time": time.time(), **facts}) + "\n"
        try:
            confined.append_inside(self.run_dir, layout.PHASES, line.encode())
        except OSError as error:
            # A script may have put something else there, or filled the disk: the run goes on.
            say(f"{layout.PHASES}: {phase} could not be recorded: {error}")

    def note(self, how: Dict[str, Any]) -> None:
        """Note how the script ended, at once, in case this process is killed while it cleans up.

        Args:
            how: what ``exit.json`` will say, so far as it is known.
        """
        self.noted = {"phase": self.phase, "time": time.time(), **how, "witness": "exit note"}
        self._room.note(self.noted)

    def close(self, how: Dict[str, Any]) -> None:
        """Record how the run ended, once and atomically; where it cannot be written, try again for some minutes.

        Args:
            how: the content of ``exit.json``.

        Raises:
            OSError: it cannot be written.
        """
        whole = {"phase": self.phase, "time": time.time(), **how}
        for pause in _PAUSES:
            try:
                return self._room.write(whole)
            except OSError as error:
                say(f"{layout.EXIT} cannot be written: {error}")
                if not pause:
                    raise
                if error.errno not in NO_ROOM:
                    self._make_way()
            signals.signal(signals.SIGTERM, signals.SIG_DFL)  # a cancel need not wait for it
            time.sleep(pause)
        return None

    def _make_way(self) -> None:
        """Undo what a script may have done to the place of ``exit.json``."""
        try:
            if os.path.islink(self.run_dir) or (os.path.lexists(self.run_dir) and not os.path.isdir(self.run_dir)):
                os.unlink(self.run_dir)
            os.makedirs(self.run_dir, mode=0o700, exist_ok=True)
            os.chmod(self.run_dir, 0o700)
            remove_inside(self.run_dir, layout.EXIT)
        except OSError as error:
            say(f"{self.run_dir}: {error}")

    def cancel_requested(self) -> bool:
        """Tell whether the service has requested that the run be cancelled."""
        return os.path.lexists(self._path(layout.CANCEL))

    def _path(self, name: str) -> str:
        return os.path.join(self.run_dir, name)


def say(text: str) -> None:
    """Write to our own log, if there is room for it."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        return
