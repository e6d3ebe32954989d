"""Logging to a run from outside of its script: a program's own interactive run, a child, a run that is going on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.runtime.run import Run as Journalist


class RunLogging(RunBase):
    """What can be logged; it reads back as :meth:`Run.get_metrics` says."""

    _journalist: Journalist | None = None

    def _log(self) -> Journalist:
        """Return what writes into the run's journal.

        Raises:
            UserErrorException: the run has ended.
        """
        if states.is_terminal(str(self._record.get("status"))):
            raise UserErrorException(
                f"Run {self._id} is {self._record['status']}: nothing more can be logged to it. "
                "Log before run.complete(), or to a child of another run."
            )
        if self._journalist is None:
            from trainshed.runtime.run import Run as Journalist  # most programs only submit

            workspace = self._experiment.workspace
            self._journalist = Journalist(os.path.join(workspace.runs, self._id), self._id, self._experiment.name)
            self._journalist.strict = True
        return self._journalist

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value of a metric.

        Args:
            name: the metric.
            value: a number, string or bool; NumPy scalars count as such.
            description: accepted and not kept.
            step: a position chosen by the program.

        Raises:
            UserErrorException: a list, no name, a step that is no whole number, or a run that has ended.
        """
        self._log().log(name, value, description, step)

    def log_metric(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value, under a name that articles of 2018 had and v1 never: use :meth:`log`."""
        self._log().log_metric(name, value, description, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Log a list of values."""
        self._log().log_list(name, value, description)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Log a row of a table.

        Args:
            name: the metric.
            description: accepted and not kept.
            **kwargs: column → value.
        """
        self._log().log_row(name, description, **kwargs)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Log a table.

        Args:
            name: the metric.
            value: column → list of values, or column → value for one row.
            description: accepted and not kept.
        """
        self._log().log_table(name, value, description)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Log an image."""
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
        """Return when all that was logged is safe: it is, as soon as it is logged."""
