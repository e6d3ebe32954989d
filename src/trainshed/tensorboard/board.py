"""Starts TensorBoard for runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from typing import Any

from trainshed.client.notice import warn
from trainshed.errors import UserErrorException
from trainshed.tensorboard.events import MISSING
from trainshed.tensorboard.live import METRICS, LiveCopy, Updater

# It imports TensorFlow if that is installed, which takes long on a busy machine.
_START_TIMEOUT = 180.0
_LAST_LINES = 5


class Tensorboard:
    """Shows runs in TensorBoard, live: their event files, and the metrics logged with ``run.log``.

    Event files are found in ``logs/``, ``outputs/``, ``runs/`` and ``lightning_logs/`` of a run's working folder; the
    metrics of a run are shown under ``<run>/metrics``.

    Args:
        runs: a run, or runs; or ``[]`` to show only what is in ``local_root``, e.g. from ``export_to_tensorboard``.
        local_root: folder in which to create a folder for each run. Default: a temporary folder.
        port: TCP port on this machine's loopback address; 0 selects a free one.
        use_display_name: use the display names of the runs instead of their ids.

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
        if not self._runs and local_root is None:  # v1 takes it, too
            warn("Tensorboard has neither runs nor local_root, a folder of event files, so it will show nothing.")
        self._root = local_root
        self._own: str | None = None
        self._port = port
        self._by_name = use_display_name
        self._updater: Updater | None = None
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self, start_browser: bool = False) -> str:
        """Start TensorBoard, print its URL and return it.

        Args:
            start_browser: open the URL in this machine's browser.

        Raises:
            UserErrorException: TensorBoard is not installed, is already running, or fails to start. The message
                includes its output.
        """
        if self._process is not None:
            raise UserErrorException("This Tensorboard is already running. Use stop() to end it.")
        program, root = _program(), self._prepare()
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

    def _prepare(self) -> str:
        """Create a folder for each run, start copying the runs' data, and return the root folder."""
        if self._root is None:
            self._own = tempfile.mkdtemp(prefix="tensorboard-")
        root = os.path.abspath(self._root or str(self._own))
        os.makedirs(root, exist_ok=True)
        names = [(run.display_name if self._by_name else run.id).replace(os.sep, "_") for run in self._runs]
        for name in names:
            # Delete the metrics of an earlier board, which TensorBoard would show twice.
            shutil.rmtree(os.path.join(root, name, METRICS), ignore_errors=True)
        self._updater = Updater(
            [LiveCopy(run, os.path.join(root, name)) for run, name in zip(self._runs, names, strict=True)]
        )
        return root

    def _url(self) -> str:
        """Wait until TensorBoard is ready and return the URL that it prints."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        timeout = threading.Timer(_START_TIMEOUT, process.kill)
        timeout.start()
        output = []
        try:
            for line in process.stdout:
                output.append(line.rstrip())
                if " at http://" in line:
                    self._reader = threading.Thread(target=_drain, args=(process.stdout,), daemon=True)
                    self._reader.start()
                    return line.split(" at ")[1].split()[0]
        finally:
            timeout.cancel()
        late = process.wait() == -signal.SIGKILL
        self.stop()
        what = f"did not start within {_START_TIMEOUT:.0f} seconds" if late else "could not start"
        raise UserErrorException(f"TensorBoard {what}:\n" + "\n".join(output[-_LAST_LINES:]))

    def stop(self) -> None:
        """Stop TensorBoard. The folder is deleted only if it is temporary."""
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
    """Read TensorBoard's output, so that it never blocks on a full pipe."""
    for _ in lines:
        pass
