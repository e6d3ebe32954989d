"""Runs build programs, with their output in a log as it arrives."""

from __future__ import annotations

import re
import subprocess
from typing import BinaryIO, Callable, Mapping, Optional, Sequence, Tuple

_KEPT = 16384
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def text_of(raw: bytes) -> str:
    """Return a program's output as text, without colour codes and the like."""
    return _ESCAPES.sub("", raw.decode("utf-8", "replace"))


def run_logged(
    argv: Sequence[str],
    log: BinaryIO,
    environ: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
    lock: Optional[int] = None,
    change: Callable[[str], str] = str,
) -> Tuple[int, str]:
    """Run a program until it ends; return its exit code and the end of its output.

    Args:
        argv: the program and its arguments.
        log: where its output is written, line by line.
        environ: its complete environment; None for our own.
        cwd: its working folder; None for ours.
        lock: a descriptor that it keeps open.
        change: converts each line before it is written, for example to remove passwords.
    """
    output = ""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=None if environ is None else dict(environ),
        cwd=cwd,
        pass_fds=() if lock is None else (lock,),
    ) as child:
        assert child.stdout is not None
        try:
            for raw in child.stdout:
                line = change(text_of(raw))
                log.write(line.encode())
                output = (output + line)[-_KEPT:]
        except BaseException:
            child.kill()  # cancelled: the result is no longer needed
            raise
    return child.returncode, output
