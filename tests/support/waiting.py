"""Waits for what a run or a program prints: each ends when it is there, or when nothing more can come."""

from __future__ import annotations

import re
import subprocess
import threading
from typing import IO, Any


def until_logged(run: Any, *words: str) -> None:
    """Follow the log of a run until all of these stand in it."""
    seen = ""
    path = f"/runs/{run.id}/files/azureml-logs/70_driver_log.txt"
    for piece in run.experiment.workspace.connection.stream("GET", path, {"follow": 1}):
        seen += piece.decode(errors="replace")
        if all(word in seen for word in words):
            return
    raise AssertionError(f"the log ended without all of {words}:\n{seen}")


def until_printed(program: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Read what a program prints until a line matches; the rest is read and dropped, so that it can go on."""
    assert program.stdout is not None
    seen = []
    for line in program.stdout:
        seen.append(line)
        if found := re.search(pattern, line):
            threading.Thread(target=_drop, args=[program.stdout], daemon=True).start()
            return found
    raise AssertionError(f"it ended with {program.wait()} and did not print {pattern!r}:\n{''.join(seen)}")


def _drop(stream: IO[str]) -> None:
    with stream:
        for _ in stream:
            pass
