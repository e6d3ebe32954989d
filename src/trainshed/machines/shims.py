"""Start shims on this computer, one of them always ready ahead of its run, and hear of their ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

from trainshed.machines.machine import OnEnd
from trainshed.system import process, signals, umask
from trainshed.system.exits import ExitWatcher

_NODE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "node")
_SHIM = os.path.join(_NODE, "shim.py")
_SPARE_AFTER = 0.2
"""Seconds after a start at which the next shim is made ready: not while the script's own start needs the cores."""

Shim = subprocess.Popen


class Shims:
    """The shims of one folder of run directories.

    Args:
        folder: the folder; a waiting shim works in it.
        on_end: called with a run's id when its shim has ended.
    """

    def __init__(self, folder: str, on_end: OnEnd) -> None:
        self._folder = folder
        self._on_end = on_end
        self._watcher = ExitWatcher(self._ended)
        self._watched: set[str] = set()
        self._codes: dict[str, int] = {}
        self._children: dict[str, Shim[bytes]] = {}
        self._reserved: dict[str, tuple[str, Shim[bytes]]] = {}
        self._lock = threading.Lock()
        self._spare: Shim[bytes] | None = None
        self._timer: threading.Timer | None = None
        self._closed = False
        self._make_spare()

    def reserve(self, run_id: str) -> str:
        """Set a waiting shim apart for a run.

        Returns:
            What names it: pid and start time.
        """
        with self._lock:
            _, child = self._reserved.pop(run_id, ("", self._spare))
            if child is self._spare:
                self._spare = None
            if child is None or child.poll() is not None:  # killed while it waited
                child = self._new()
            native_id = f"{child.pid}:{(process.identity(child.pid) or {}).get('start', '')}"
            self._reserved[run_id] = native_id, child
        return native_id

    def start(self, run_id: str, native_id: str) -> bool:
        """Have the shim that was set apart take the run; False where it is gone."""
        with self._lock:
            name, child = self._reserved.pop(run_id, ("", None))
            earlier = self._children.get(run_id)
            if self._timer is None and not self._closed:
                self._timer = threading.Timer(_SPARE_AFTER, self._make_spare)
                self._timer.daemon = True
                self._timer.start()
        if name != native_id or child is None or child.stdin is None:
            return False
        if earlier is not None:
            _dismiss(child)  # asked again before the first one has claimed the run
            return True
        try:
            child.stdin.write(os.fsencode(os.path.join(self._folder, run_id)))
            child.stdin.close()
        except BrokenPipeError:
            child.wait()
            return False
        with self._lock:
            self._children[run_id] = child
            self._watched.add(run_id)
        self._watcher.watch({"pid": child.pid}, run_id)
        return True

    def release(self, run_id: str) -> None:
        """Let go of a shim that was set apart for a run that will not start."""
        with self._lock:
            _, child = self._reserved.pop(run_id, ("", None))
        if child is not None:
            _dismiss(child)

    def starting(self, run_id: str) -> bool:
        """Tell whether a shim that we started has yet to claim its run."""
        with self._lock:
            child = self._children.get(run_id)
        return child is not None and child.poll() is None

    def end_of(self, run_id: str) -> str:
        """Return how a shim that we started has ended, as a predicate; ``""`` if it has not, or is not ours."""
        with self._lock:
            child = self._children.get(run_id)
            code = self._codes.get(run_id) if child is None else child.poll()
        if code is None:
            return ""
        return signals.ended_by(-code) if code < 0 else f"ended with exit code {code} (its shim.log may say why)"

    def adopt(self, run_id: str, who: dict[str, Any]) -> None:
        """Watch a shim that somebody else started: an earlier service, or an earlier agent."""
        with self._lock:
            if run_id in self._watched:
                return
            self._watched.add(run_id)
        self._watcher.watch(who, run_id)

    def close(self) -> None:
        """Stop watching; the runs go on, and shims without a run end."""
        with self._lock:
            self._closed = True
            waiting = [child for _, child in self._reserved.values()] + ([self._spare] if self._spare else [])
            self._reserved, self._spare = {}, None
            if self._timer is not None:
                self._timer.cancel()
        for child in waiting:
            _dismiss(child)
        self._watcher.close()

    def _ended(self, run_id: str) -> None:
        with self._lock:
            self._watched.discard(run_id)
            child = self._children.pop(run_id, None)
            if child is not None and child.wait():
                self._codes[run_id] = child.returncode
        self._on_end(run_id)

    def _make_spare(self) -> None:
        with self._lock:
            self._timer = None
            if self._spare is None and not self._closed:
                self._spare = self._new()

    def _new(self) -> Shim[bytes]:
        # Isolated from the user's Python settings, and without site-packages, which it does not need.
        return subprocess.Popen(
            [sys.executable, "-S", "-E", "-X", "utf8", _SHIM, *_umask()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=None,  # what goes wrong before there is a run directory stands in the service's log
            cwd=self._folder,
            bufsize=0,
            start_new_session=True,
        )


def shim_of_a_job(run_dir: str, variable: str) -> list[str]:
    """Return the command that starts a shim in a job of a batch system.

    Args:
        run_dir: the run directory.
        variable: environment variable that contains the id of the job.
    """
    return [sys.executable, "-S", "-E", "-X", "utf8", os.path.join(_NODE, "batch.py"), run_dir, variable, *_umask()]


def _umask() -> list[str]:
    """Return the argument that gives a shim the user's umask, which its script is to have."""
    theirs = umask.of_user()
    return [] if theirs is None else [f"{theirs:o}"]


def _dismiss(child: Shim[bytes]) -> None:
    """End a shim that waits for a run: at the end of its input it leaves."""
    if child.stdin is not None:
        child.stdin.close()
    child.wait()
