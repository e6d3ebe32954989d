"""TensorBoard over the logs of runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.tensorboard.events import MISSING
from trainshed.tensorboard.live import METRICS, LiveCopy, Updater

_PATIENCE = 60.0
_LAST_LINES = 5


class Tensorboard:
    """Shows runs in TensorBoard, also while they go on: their event files, and what they log by ``run.log``.

    Event files are found in ``logs/``, ``outputs/``, ``runs/`` and ``lightning_logs/`` of a run's working folder; the
    metrics of a run stand below ``<run>/metrics``.

    Args:
        runs: a run, or runs.
        local_root: folder in which there is one folder for each run; a temporary one if None.
        port: TCP port on this machine's loopback address; 0 takes a free one.
        use_display_name: call the runs by their display names instead of their ids.

    Raises:
        UserErrorException: no runs.

    Example:
        >>> board = Tensorboard(run)
        >>> address = board.start()
        http://127.0.0.1:.../
        >>> board.stop()
    """

    def __init__(
        self, runs: Any, local_root: str | None = None, port: int = 6006, use_display_name: bool = False
    ) -> None:
        several = isinstance(runs, Iterable) and not hasattr(runs, "get_status")
        self._runs = list(runs) if several else [runs]
        if not self._runs:
            raise UserErrorException("Tensorboard needs a run, or a list of runs.")
        self._root = local_root
        self._own: str | None = None
        self._port = port
        self._by_name = use_display_name
        self._updater: Updater | None = None
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self, start_browser: bool = False) -> str:
        """Start TensorBoard and return its URL, which is printed too.

        Args:
            start_browser: open it in this machine's browser.

        Raises:
            UserErrorException: it is not installed, it runs already, or it could not start; its last words are told.
        """
        if self._process is not None:
            raise UserErrorException("This Tensorboard runs already; stop() ends it.")
        program, root = _program(), self._laid_out()
        argv = [
            *program,
            "--logdir",
            root,
            "--port",
            str(self._port),
            "--host",
            "127.0.0.1",
            "--reload_interval",
            "2",
        ]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        url = self._url()
        sys.stdout.write(url + "\n")
        if start_browser:
            import webbrowser

            webbrowser.open(url)
        return url

    def _laid_out(self) -> str:
        """Have one folder for each run, into which what it writes is copied as it comes."""
        if self._root is None:
            self._own = tempfile.mkdtemp(prefix="tensorboard-")
        root = os.path.abspath(self._root or str(self._own))
        os.makedirs(root, exist_ok=True)
        names = [(run.display_name if self._by_name else run.id).replace(os.sep, "_") for run in self._runs]
        for name in names:
            # What an earlier board put there; TensorBoard would read the metrics twice.
            shutil.rmtree(os.path.join(root, name, METRICS), ignore_errors=True)
        self._updater = Updater(
            [LiveCopy(run, os.path.join(root, name)) for run, name in zip(self._runs, names, strict=True)]
        )
        return root

    def _url(self) -> str:
        """Return the URL that it tells when it is ready."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        alarm = threading.Timer(_PATIENCE, process.kill)
        alarm.start()
        said = []
        try:
            for line in process.stdout:
                said.append(line.rstrip())
                if " at http://" in line:
                    self._reader = threading.Thread(target=_drain, args=(process.stdout,), daemon=True)
                    self._reader.start()
                    return line.split(" at ")[1].split()[0]
        finally:
            alarm.cancel()
        self.stop()
        raise UserErrorException("TensorBoard could not start:\n" + "\n".join(said[-_LAST_LINES:]))

    def stop(self) -> None:
        """End it; a ``local_root`` of one's own stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            if self._reader is not None:
                self._reader.join()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = self._reader = None
        if self._updater is not None:
            self._updater.close()
            self._updater = None
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own = None


def _program() -> list[str]:
    if importlib.util.find_spec("tensorboard") is not None:
        return [sys.executable, "-m", "tensorboard.main"]
    found = shutil.which("tensorboard")
    if found is None:
        raise UserErrorException(MISSING)
    return [found]


def _drain(lines: Iterable[str]) -> None:
    """Read on, so that it never waits for somebody to read."""
    for _ in lines:
        pass
