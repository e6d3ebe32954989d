"""Interactive runs: runs whose script is the current process."""

from __future__ import annotations

import contextlib
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
"""Runs started by this process that have not ended. They are ended when the process exits."""


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
    """Create an interactive run.

    Args:
        experiment: experiment of the run.
        snapshot_directory: folder to take a snapshot of. Default: none.
        display_name: name to display instead of the run id.
        run_id: id of the run. Default: a generated id.
        parent: id of the parent run.
        tags: tags of the run.
        start: create the run as running; otherwise as not started.

    Returns:
        Record of the run; pass the run to :func:`opened`.

    Raises:
        SnapshotException: the snapshot cannot be taken.
        UserErrorException: the run id is invalid or already in use.
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
    """Prepare an interactive run for logging, end it when this process exits, and return it.

    Args:
        run: the run.
        outputs: folder whose files are uploaded when the run completes. Default: none.
    """
    run._outputs = None if outputs is None else os.path.abspath(outputs)
    for folder in (run._outputs, os.path.abspath("logs")) if run._outputs is not None else ():
        with contextlib.suppress(OSError):  # a folder that cannot be written to: nothing will be uploaded
            os.makedirs(folder, exist_ok=True)
    # SDK v1 of 2019 took none, so that programs did.
    vars(run)["_first_snapshot"] = run._record["spec"]["snapshot"]
    run._open_journal()
    import atexit

    # Handlers run in reverse order: registering again makes this run before the handler of the run's outbox.
    atexit.unregister(_end_all)
    atexit.register(_end_all)
    _open[run.id] = run
    return run


def _owner() -> dict[str, Any]:
    """Return the identity of this process and its run, by which the service detects that the process has exited."""
    return {**(process.identity(os.getpid()) or {}), "run": os.environ.get("TRAINSHED_RUN_ID")}


def keep_outputs(recorder: Recorder, folder: str) -> None:
    """Upload the files in a folder to the run's ``outputs/``."""
    for path, name in files_below(folder):
        stored = f"outputs/{name}"
        if os.path.basename(path) != "azureml.log" and not recorder._keep_file(stored, path, None):
            warn(f"The run already has a file '{stored}'; {path} was not stored again.")


def ended(run_id: str) -> None:
    """Record that a run has ended, so that it need not be ended when the process exits."""
    _open.pop(run_id, None)


def _end_all() -> None:
    if os.getpid() != _pid:
        return  # this is a forked child; the parent process still logs to the run
    for run in reversed(list(_open.values())):
        run._end_with_program(getattr(sys, "last_value", None))


class Echo:
    """Copies everything written to stdout and stderr to a file.

    Args:
        path: path of the file.
        on_write: called after each write to the file.
    """

    def __init__(self, path: str, on_write: Callable[[], None] = lambda: None) -> None:
        self._file = open(path, "a", encoding="utf-8", errors="replace", buffering=1)  # noqa: SIM115 - close() does
        self._originals = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Both(stream, self._file, on_write) for stream in self._originals)

    def close(self) -> None:
        """Restore stdout and stderr and close the file."""
        sys.stdout, sys.stderr = self._originals
        self._file.close()


class _Both:
    """A stream that also writes to a file."""

    def __init__(self, stream: IO[str], file: IO[str], on_write: Callable[[], None]) -> None:
        self._stream = stream
        self._file = file
        self._on_write = on_write

    def write(self, text: str) -> int:
        if not self._file.closed:
            self._file.write(text)
            self._on_write()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
