"""Logging to a run from outside of its script: a program's own interactive run, a child, a run that is going on."""

from __future__ import annotations

import os

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trainshed.api.runs.recorder import Recorder
    from trainshed.client.outbox import Outbox


class RunLogging(RunBase):
    """What can be logged; it reads back as :meth:`Run.get_metrics` says.

    Example:
        >>> with experiment.start_logging(snapshot_directory=None) as logging:
        ...     logging.log("loss", 0.5, step=1)
        >>> logging.get_metrics()
        {'loss': 0.5}
    """

    _recorder: Recorder | None = None
    _outbox: Outbox | None = None
    _append_to: Mapping[str, str] | None = None
    """Files that the service has named, where it runs on this machine as this user."""

    def _open_journal(self) -> None:
        """Take up the files that the service has named in its answer to the run's beginning, or else begin to send."""
        self._append_to = self._record.get("append_to")
        if not self._may_append("journal"):
            self._remote()

    def _may_append(self, what: str) -> bool:
        """Tell whether this program can append to a file of the run by itself; in a container it may not be there."""
        return self._append_to is not None and os.access(os.path.dirname(self._append_to[what]), os.W_OK)

    def _remote(self) -> Outbox:
        """Return what sends to the service where this program cannot write by itself."""
        if self._outbox is None:
            from trainshed.client.outbox import Outbox  # most programs only submit

            self._outbox = Outbox(self._experiment.workspace.connection, self._path(self._id))
        return self._outbox

    def _settle(self) -> None:
        if self._outbox is not None:
            self._outbox.flush()

    def _log(self) -> Recorder:
        """Return what writes into the run's journal.

        Raises:
            UserErrorException: the run has ended.
        """
        if states.is_terminal(str(self._record.get("status"))):
            raise UserErrorException(
                f"Run {self._id} is {self._record['status']}: nothing more can be logged to it. "
                "Log before run.complete(), or to a child of another run."
            )
        if self._recorder is None:
            from trainshed.api.runs.recorder import Recorder, RemoteRecorder  # most programs only submit

            who = (self._id, self._experiment.name, self._experiment.workspace.connection)
            if self._append_to is not None and self._may_append("journal"):
                self._recorder = Recorder(self._append_to["journal"], *who)
            else:
                outbox = self._remote()
                self._recorder = RemoteRecorder(outbox.file("journal"), *who, outbox.wake)
        return self._recorder

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value of a metric.

        Args:
            name: the metric.
            value: a number, string or bool; NumPy scalars count as such.
            description: accepted and not kept.
            step: a position chosen by the program.

        Raises:
            UserErrorException: a list, no name, a step that is no whole number, or a run that has ended.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log("accuracy", 0.9)
            >>> run.get_metrics()
            {'accuracy': 0.9}
        """
        self._log().log(name, value, description, step)

    def log_metric(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value, under a name that articles of 2018 had and v1 never: use :meth:`log`."""
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
            name: the metric.
            description: accepted and not kept.
            **kwargs: column → value.

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
            name: the metric.
            value: column → list of values, or column → value for one row.
            description: accepted and not kept.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_table("curve", {"x": [1, 2], "y": [0.5, 0.2]})
            >>> run.get_metrics()
            {'curve': {'x': [1, 2], 'y': [0.5, 0.2]}}
        """
        self._log().log_table(name, value, description)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Log an image.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log_image("rainfall", path="./rainfall.png")
        """
        self._log().log_image(name, path, plot, description)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Log an accuracy table in v1's schema, as a dict or as JSON text."""
        self._log().log_accuracy_table(name, value, description)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Log a confusion matrix in v1's schema, as a dict or as JSON text."""
        self._log().log_confusion_matrix(name, value, description)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Log predictions in v1's schema, as a dict or as JSON text."""
        self._log().log_predictions(name, value, description)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Log residuals in v1's schema, as a dict or as JSON text."""
        self._log().log_residuals(name, value, description)

    def flush(self, timeout_seconds: int = 300) -> None:
        """Return when the service has all that was logged."""
        self._settle()
