"""Logging to a run from outside its script: interactive runs, child runs, and runs submitted by this process."""

from __future__ import annotations

import os

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trainshed.api.runs.recorder import Recorder
    from trainshed.client.outbox import Outbox


class RunLogging(RunBase):
    """Mixin that logs metrics to a run, also after it has ended. Read them back with :meth:`Run.get_metrics`.

    Example:
        >>> with experiment.start_logging(snapshot_directory=None) as logging:
        ...     logging.log("loss", 0.5, step=1)
        >>> logging.get_metrics()
        {'loss': 0.5}
    """

    _recorder: Recorder | None = None
    _outbox: Outbox | None = None
    _after_end = False
    _append_to: Mapping[str, str] | None = None
    """Files to append to directly, if the service runs on this machine as the same user."""

    def _open_journal(self) -> None:
        """Prepare for logging: append to the run's own files if possible, otherwise send events to the service."""
        self._append_to = self._record.get("append_to")
        if not self._may_append("journal"):
            self._remote()

    def _may_append(self, what: str) -> bool:
        """Return whether this process can append to a file of the run. In a container the file may not exist."""
        return self._append_to is not None and os.access(os.path.dirname(self._append_to[what]), os.W_OK)

    def _remote(self) -> Outbox:
        """Return the outbox, which sends local files to the service."""
        if self._outbox is None:
            from trainshed.client.outbox import Outbox  # imported only when needed

            # A run that was submitted may end at any moment.
            after_end = self._after_end or self._is_submitted()
            self._outbox = Outbox(self._experiment.workspace.connection, self._path(self._id), after_end)
        return self._outbox

    def _settle(self) -> None:
        if self._outbox is not None:
            self._outbox.flush()

    def _log(self) -> Recorder:
        """Return the recorder, which writes to the run's journal, or sends events to the service."""
        if states.is_terminal(str(self._record.get("status"))) and not self._after_end:
            self._recorder = self._outbox = self._append_to = None  # nobody reads the journal any more
            self._after_end = True
        if self._recorder is None:
            from trainshed.api.runs.recorder import Recorder, RemoteRecorder  # imported only when needed

            run = (self._id, self._experiment.name, self._experiment.workspace.connection)
            if self._append_to is not None and self._may_append("journal"):
                self._recorder = Recorder(self._append_to["journal"], *run)
            else:
                outbox = self._remote()
                # Others may read at once what was added to a run from outside, so it is sent at once.
                sent = outbox.flush if self._after_end or self._is_submitted() else outbox.wake
                self._recorder = RemoteRecorder(outbox.file("journal"), *run, sent)
        return self._recorder

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log a value of a metric.

        Args:
            name: name of the metric.
            value: a number, string or bool; NumPy scalars are accepted.
            description: ignored.
            step: step of the training, an integer.

        Raises:
            UserErrorException: the value is a list, the name is empty, or the step is not an integer.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log("accuracy", 0.9)
            >>> run.get_metrics()
            {'accuracy': 0.9}
        """
        self._log().log(name, value, description, step)

    def log_metric(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log a value of a metric. Deprecated: use :meth:`log`."""
        self._log().log_metric(name, value, description, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Log a list of values.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_list("losses", [0.5, 0.2])
            >>> run.get_metrics()
            {'losses': [0.5, 0.2]}
        """
        self._log().log_list(name, value, description)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Log a row of a table.

        Args:
            name: name of the metric.
            description: ignored.
            **kwargs: column name → value.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_row("curve", x=1, y=0.5)
            >>> run.get_metrics()
            {'curve': {'x': 1, 'y': 0.5}}
        """
        self._log().log_row(name, description, **kwargs)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Log a table.

        Args:
            name: name of the metric.
            value: column name → list of values, or column name → value for a single row.
            description: ignored.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_table("curve", {"x": [1, 2], "y": [0.5, 0.2]})
            >>> run.get_metrics()
            {'curve': {'x': [1, 2], 'y': [0.5, 0.2]}}
        """
        self._log().log_table(name, value, description)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Log an image from a file, or a Matplotlib plot.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_image("rainfall", path="./rainfall.png")
        """
        self._log().log_image(name, path, plot, description)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Log an accuracy table in SDK v1's schema, as a dict or JSON string."""
        self._log().log_accuracy_table(name, value, description)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Log a confusion matrix in SDK v1's schema, as a dict or JSON string."""
        self._log().log_confusion_matrix(name, value, description)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Log predictions in SDK v1's schema, as a dict or JSON string."""
        self._log().log_predictions(name, value, description)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Log residuals in SDK v1's schema, as a dict or JSON string."""
        self._log().log_residuals(name, value, description)

    def flush(self, timeout_seconds: int = 300) -> None:
        """Wait until the service has received everything that was logged.

        Args:
            timeout_seconds: ignored.
        """
        self._settle()
