"""Bring a Python to a machine that has none which will do: from an archive that was named, or by uv."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING, Callable

from trainshed.environments.commands import find_uv, platform_name
from trainshed.errors import MachineUnreachableException, ServiceException, TrainshedError
from trainshed.machines import far_shell, frames

if TYPE_CHECKING:
    from trainshed.machines.connection import NoPython, Reach

_CHUNK = 1 << 20
_PATIENCE = 60.0
_VERSION = "3.12"
_INSTEAD = "Install Python 3.8 or later there, or name an archive with one (setting archive)"


class PythonBringer:
    """Makes one Python for one machine.

    Args:
        reach: how the machine is reached.
        lack: what it lacks.
        say: called with what is being done.
    """

    def __init__(self, reach: Reach, lack: NoPython, say: Callable[[str], None]) -> None:
        self._reach = reach
        self._lack = lack
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Break off; what has arrived stays there."""
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGTERM)

    def bring(self) -> None:
        """Bring it.

        Raises:
            ServiceException: there is no way to do so; the sentence says what the user can do.
            MachineUnreachableException: the connection broke; what has arrived stays there.
        """
        place = self._reach.place
        if place.archive:
            self._send(place.archive, "Python", far_shell.UNPACK)
            return
        found = f"its python3 is {self._lack.version}" if self._lack.version else "it has no python3"
        if place.python:
            raise self._unusable(f"{place.python} there is not a Python 3.8 or later")
        why_not = self._why_no_uv()
        if why_not:
            raise self._unusable(f"{found}, and none can be brought there: {why_not}. {_INSTEAD}")
        try:
            self._send(find_uv(), "uv", far_shell.UV_PYTHON.replace("VERSION", _VERSION))
        except ServiceException as error:
            if isinstance(error, MachineUnreachableException):
                raise
            raise self._unusable(f"{found}, and {error.message}. {_INSTEAD}") from error

    def _why_no_uv(self) -> str:
        if os.environ.get("TRAINSHED_PYTHON_DOWNLOADS") == "never":
            return "downloads are switched off (TRAINSHED_PYTHON_DOWNLOADS)"
        here, there = os.uname(), f"{self._lack.sysname} {self._lack.machine}".strip()
        if there != f"{here.sysname} {here.machine}":
            return f"it is {there or 'of an unknown kind'}, and uv here is for {here.sysname} {here.machine}"
        if self._lack.musl and not platform_name().endswith("musl"):
            return f"it is {there} musl, and uv here is for {platform_name()}"
        try:
            find_uv()
        except TrainshedError as error:
            return error.message.rstrip(".")
        return ""

    def _unusable(self, why: str) -> ServiceException:
        return ServiceException(f"Machine '{self._reach.way.name}' cannot be used: {why}.")

    def _send(self, path: str, what: str, then: str) -> None:
        """Have a file there, whole, and then a command line; what has arrived of it before is not sent again."""
        path = os.path.realpath(path)
        with open(path, "rb") as file, tempfile.TemporaryFile() as said:
            digest = hashlib.sha256()
            for piece in iter(lambda: file.read(_CHUNK), b""):
                digest.update(piece)
            size = file.tell()
            line = far_shell.receive(self._reach.place, digest.hexdigest(), size, then)
            self._child = child = subprocess.Popen(
                [*self._reach.way.command(), line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                bufsize=0,
                start_new_session=True,
                env=self._reach.way.environ(),
            )
            try:
                file.seek(self._offset(child))
                self._stream(child, file.fileno(), size, what)
                self._end(child, what, said.fileno())
            finally:
                self.stop()
                child.wait()
                self._child = None
                for stream in (child.stdin, child.stdout):
                    with contextlib.suppress(OSError):
                        stream.close()  # type: ignore[union-attr]

    def _offset(self, child: subprocess.Popen[bytes]) -> int:
        """Return how much of the file is there."""
        assert child.stdout is not None
        for line in iter(child.stdout.readline, b""):
            found = re.match(rb"trainshed: has *(\d+)$", line.strip())
            if found:
                return int(found[1])
        raise self._broken("it did not answer")

    def _stream(self, child: subprocess.Popen[bytes], source: int, size: int, what: str) -> None:
        assert child.stdin is not None
        os.set_blocking(child.stdin.fileno(), False)
        sent = os.lseek(source, 0, os.SEEK_CUR)
        for piece in iter(lambda: os.read(source, _CHUNK), b""):
            self._say(f"sending {what} to it: {sent >> 20} of {size >> 20} MB")
            with contextlib.suppress(frames.BrokenStream):  # why, its complaint says
                frames.send(child.stdin.fileno(), piece, _PATIENCE)
            sent += len(piece)
        child.stdin.close()
        self._say("installing Python there")

    def _end(self, child: subprocess.Popen[bytes], what: str, said: int) -> None:
        assert child.stdout is not None
        lines = [line for line in child.stdout.read().splitlines() if line.startswith(far_shell.ENDED)]
        code = child.wait()
        words = os.pread(said, 1 << 16, 0).decode("utf-8", "replace")
        if not lines:
            trouble = self._reach.way.trouble(code, words) if code > 0 else None
            raise self._broken(trouble.sentence if trouble else _shown(words) or "the connection closed")
        code = int(lines[-1].split()[-1])
        if code == far_shell.DAMAGED:
            raise self._broken(f"{what} arrived damaged, and is sent again")
        if code:
            raise ServiceException(f"a Python could not be installed there: {_shown(words) or f'exit code {code}'}")

    def _broken(self, why: str) -> MachineUnreachableException:
        return MachineUnreachableException(f"Machine '{self._reach.way.name}' cannot be reached: {why}")


def _shown(words: str) -> str:
    return " ".join(words.split())[-300:].rstrip(".")
