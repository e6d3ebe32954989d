"""Interactive runs: this program is their script."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeVar

from trainshed.api.runs.snapshots import take
from trainshed.api.transfer import files_below
from trainshed.client.notice import warn
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.system import process

if TYPE_CHECKING:
    from trainshed.api.protocols import ExperimentLike, RunLike
    from trainshed.api.runs.recorder import Recorder

Opened = TypeVar("Opened", bound="RunLike")

_pid = os.getpid()
_open: dict[str, RunLike] = {}
"""Runs that this program has begun and not ended: they end with it at the latest."""


def begin(
    experiment: ExperimentLike,
    *,
    snapshot_directory: str | os.PathLike[str] | None = None,
    display_name: str | None = None,
    run_id: str | None = None,
    parent: str | None = None,
    tags: Mapping[str, Any] | None = None,
    start: bool = True,
) -> dict[str, Any]:
    """Begin a run whose script is this program.

    Args:
        experiment: where it belongs.
        snapshot_directory: folder to keep a snapshot of; None: none.
        display_name: shown instead of its id.
        run_id: its id; None makes one up.
        parent: id of its parent.
        tags: its labels.
        start: it is running; otherwise it has not begun.

    Returns:
        The run's record; see :func:`opened`.

    Raises:
        SnapshotException: the folder cannot be kept.
        UserErrorException: an id that is taken or cannot be used.
    """
    snapshot = None if snapshot_directory is None else take(experiment.workspace, snapshot_directory)
    labels = {str(key): str(value) for key, value in (tags or {}).items()}
    spec = RunSpec(experiment.name, snapshot, display_name=display_name, parent=parent, tags=labels)
    body = {"submit_id": os.urandom(16).hex(), "spec": to_json(spec), "owner": _owner(), "start": start}
    record: dict[str, Any] = experiment.workspace.connection.call(
        "POST", "/runs/interactive", {**body, "run_id": run_id}
    )
    return record


def opened(run: Opened, outputs: str | os.PathLike[str] | None = None) -> Opened:
    """Return a run that has begun, and have it end with this program at the latest.

    Args:
        run: the run.
        outputs: folder whose files become the run's when it is completed; None: none.
    """
    run._outputs = None if outputs is None else os.path.abspath(outputs)
    run._open_journal()
    import atexit

    # Registered anew, it comes before what the outbox of this run has registered.
    atexit.unregister(_end_all)
    atexit.register(_end_all)
    _open[run.id] = run
    return run


def _owner() -> dict[str, Any]:
    """Return by what the service knows whether the run still has a program: this process, or the run it belongs to."""
    return {**(process.identity(os.getpid()) or {}), "run": os.environ.get("TRAINSHED_RUN_ID")}


def keep_outputs(recorder: Recorder, folder: str) -> None:
    """Copy the files below a folder into the run's ``outputs/``."""
    for path, name in files_below(folder):
        kept = f"outputs/{name}"
        if os.path.basename(path) != "azureml.log" and not recorder._keep_file(kept, path, None):
            warn(f"The run already has a file '{kept}'; {path} was not stored again.")


def ended(run_id: str) -> None:
    """Forget a run that was ended, so that leaving does not ask a service, perhaps a stopped one, about it."""
    _open.pop(run_id, None)


def _end_all() -> None:
    if os.getpid() != _pid:
        return  # a forked child leaves; its parent logs on
    failed = getattr(sys, "last_value", None) is not None
    for run in reversed(list(_open.values())):
        run._end_with_program(failed)


class Echo:
    """Keeps what a program prints, in a file besides.

    Args:
        path: the file.
        told: called when something was written to it.
    """

    def __init__(self, path: str, told: Callable[[], None] = lambda: None) -> None:
        self._file = open(path, "a", encoding="utf-8", errors="replace", buffering=1)  # noqa: SIM115 - close() does
        self._before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Both(stream, self._file, told) for stream in self._before)

    def close(self) -> None:
        """Print as before."""
        sys.stdout, sys.stderr = self._before
        self._file.close()


class _Both:
    """A stream that writes to another one too."""

    def __init__(self, stream: IO[str], file: IO[str], told: Callable[[], None]) -> None:
        self._stream = stream
        self._file = file
        self._told = told

    def write(self, text: str) -> int:
        if not self._file.closed:
            self._file.write(text)
            self._told()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
