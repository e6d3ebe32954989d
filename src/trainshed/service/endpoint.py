"""The file by which clients on this machine find the service and prove that they are its user's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from trainshed.system import files


class Endpoint:
    """The service endpoint file of a workspace, readable only by the owner.

    Args:
        root: the workspace folder.
        facts: what is in it.
    """

    def __init__(self, root: Path, facts: Mapping[str, object]) -> None:
        self._path = root / "service.json"
        self._content = json.dumps(facts)
        self._removed = False

    def write(self) -> None:
        """Write it atomically, whatever is there, unless it has been removed for good."""
        if self._removed:
            return
        if self._path.is_dir() and not self._path.is_symlink():
            # No file can replace a folder; what somebody has put into it is kept.
            self._path.rename(f"{self._path}.{time.time_ns()}")
        files.write(str(self._path), self._content)

    def keep(self) -> None:
        """Write it now, and again at SIGCONT, which a client sends that finds it lost or damaged.

        Sent to any other process, that signal would do nothing. SIGHUP, which would end this one, does the same.
        """
        self.write()
        for number in (signal.SIGCONT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.write)

    def remove(self) -> None:
        """Remove it for good: the service is ending."""
        self._removed = True
        with contextlib.suppress(OSError):
            self._path.unlink()
