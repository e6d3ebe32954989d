"""This machine as a target: every run a shim in a session of its own, which outlives the service."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainshed.containers import engine
from trainshed.errors import ServiceException
from trainshed.spec import layout
from trainshed.system import process
from trainshed.system.exits import ExitWatcher
from trainshed.targets.run_folder import piece, read, write, write_private
from trainshed.targets.target import ABSENT, ALIVE, ENDED, LOST, Observation, OnExit

_SHIM = Path(__file__).parent.parent / "node" / "shim.py"
_GRACE_FOR_ORPHANS = 5.0
_SPARE_AFTER = 0.2
"""Seconds after a start at which the next shim is made ready: not while the script's own start needs the cores."""


class LocalEngine:
    """Runs on the service's own machine.

    Args:
        runs: folder of the run directories.
        on_exit: called with a run's id when its shim has ended.
    """

    kind = "local"

    def __init__(self, runs: Path, on_exit: OnExit) -> None:
        self._runs = runs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._on_exit = on_exit
        self._watcher = ExitWatcher(self._ended)
        self._watched: set[str] = set()
        self._spare: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None
        self._closed = False
        self._make_ready()

    def submit(self, run_id: str, record: dict[str, Any], private: Mapping[str, str]) -> None:
        """Start a shim on the run, unless one has claimed it; see :meth:`Target.submit`."""
        run_dir = self._runs / run_id
        try:
            run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (run_dir / layout.SHIM).exists():
                for name, text in private.items():
                    write_private(run_dir / name, text)
                write(run_dir / layout.SPEC, record)
                self._start(run_id, run_dir)
        except OSError as error:
            raise ServiceException(
                f"The run could not be started on this machine: {error}. Free what is short and submit it again."
            ) from error

    def _start(self, run_id: str, run_dir: Path) -> None:
        child = self._take_spare(os.fsencode(run_dir) + b"\n")
        with self._lock:
            self._children[run_id] = child
            self._watched.add(run_id)
        self._watcher.watch({"pid": child.pid}, run_id)

    def _take_spare(self, line: bytes) -> subprocess.Popen[bytes]:
        """Give a run directory to the shim that stands ready, or to a new one."""
        with self._lock:
            spare, self._spare = self._spare, None
            if self._timer is None and not self._closed:
                self._timer = threading.Timer(_SPARE_AFTER, self._make_ready)
                self._timer.daemon = True
                self._timer.start()
        for child in (spare, None):
            taker = child or self._new_shim()
            assert taker.stdin is not None
            try:
                taker.stdin.write(line)
                taker.stdin.close()
                return taker
            except BrokenPipeError:
                taker.wait()  # killed while it stood ready
        raise BrokenPipeError("two shims in a row ended before they began")

    def _make_ready(self) -> None:
        with self._lock:
            self._timer = None
            if self._spare is None and not self._closed:
                self._spare = self._new_shim()

    def _new_shim(self) -> subprocess.Popen[bytes]:
        # Isolated from the user's Python settings, and without site-packages, which it does not need.
        return subprocess.Popen(
            [sys.executable, "-S", "-E", "-X", "utf8", str(_SHIM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=None,  # what goes wrong before there is a run directory stands in the service's log
            cwd=self._runs,
            bufsize=0,
            start_new_session=True,
        )

    def poll(self, run_ids: list[str]) -> dict[str, Observation]:
        """Look at each run's directory and shim; see :meth:`Target.poll`."""
        return {run_id: self._look(run_id) for run_id in run_ids}

    def _look(self, run_id: str) -> Observation:
        run_dir = self._runs / run_id
        who = read(run_dir / layout.SHIM)
        if not who:
            return Observation(ALIVE if self._child_lives(run_id) else ABSENT)
        if process.alive(who):
            self._adopt(run_id, who)
            return Observation(ALIVE)
        # Looked for after the shim is known to be gone: what it had to say, it has said.
        how = read(run_dir / layout.EXIT)
        if how:
            return Observation(ENDED, how)
        return Observation(LOST, rebooted=who.get("boot") != process.boot_id())

    def _child_lives(self, run_id: str) -> bool:
        """Tell whether the shim that we started has yet to claim its run."""
        with self._lock:
            child = self._children.get(run_id)
        return child is not None and child.poll() is None

    def _adopt(self, run_id: str, who: dict[str, Any]) -> None:
        """Watch a shim that an earlier service started."""
        with self._lock:
            if run_id in self._watched:
                return
            self._watched.add(run_id)
        self._watcher.watch(who, run_id)

    def _ended(self, run_id: str) -> None:
        with self._lock:
            self._watched.discard(run_id)
            child = self._children.pop(run_id, None)
        if child is not None:
            child.wait()
        self._on_exit(run_id)

    def cancel(self, run_id: str) -> None:
        """Tell the shim, or end what a lost shim left behind; see :meth:`Target.cancel`."""
        run_dir = self._runs / run_id
        if not run_dir.is_dir():
            return
        (run_dir / layout.CANCEL).touch(mode=0o600)
        who = read(run_dir / layout.SHIM)
        if who and process.alive(who):
            with contextlib.suppress(ProcessLookupError):
                os.kill(who["pid"], signal.SIGTERM)
        elif who:
            process.end(lambda: process.family(None, f"TRAINSHED_RUN_ID={run_id}"), _GRACE_FOR_ORPHANS, time.sleep)
            self._remove_containers(run_dir)

    def _remove_containers(self, run_dir: Path) -> None:
        (run_dir / layout.REGISTRY_SECRET).unlink(missing_ok=True)
        record = read(run_dir / layout.CONTAINER)
        for name in record.get("names", ()):
            engine.remove(engine.Engine(record["kind"], record["path"]), name)

    def read(self, run_id: str, name: str, offset: int, limit: int) -> bytes:
        """Read from the run directory; see :meth:`Target.read`."""
        return piece(self._runs / run_id / name, offset, limit)

    def close(self) -> None:
        """Stop watching; the runs go on."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, None
            if self._timer is not None:
                self._timer.cancel()
        if spare is not None and spare.stdin is not None:
            spare.stdin.close()
            spare.wait()
        self._watcher.close()
