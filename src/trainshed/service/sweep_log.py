"""The log of a sweep, in the format of SDK v1's ``azureml-logs/hyperdrive.txt``."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from trainshed.spec import layout


class SweepLog:
    """Appends to the log of a sweep. What cannot be written is not: the sweep goes on.

    Args:
        run_dir: the sweep's run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / layout.SWEEP_LOG

    def say(self, part: str, text: str, level: str = "INFO") -> None:
        """Append a line.

        Args:
            part: ``"API"``, ``"GENERATOR"``, ``"SCHEDULER"``, ``"ENFORCER"`` or ``"CONTROLLER"``, as in SDK v1.
            text: the line.
            level: ``"INFO"``, ``"WARNING"`` or ``"ERROR"``.
        """
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
        line = f"[{now}][{part}][{level}]{text}\n".encode("utf-8", "replace")
        try:
            fd = self._open()
        except OSError:
            return
        try:
            os.write(fd, line)
        except OSError:
            return
        finally:
            os.close(fd)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o600)
