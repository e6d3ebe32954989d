"""Lifecycle of interactive runs, and creation of child runs."""

from __future__ import annotations

import os

from trainshed.api.runs.run_logging import RunLogging
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from trainshed.api.protocols import RunLike

_MOST_CHILDREN = 100
_LONGEST_END = 60
"""Seconds that :meth:`RunLifecycle.fail` waits for the end of a submitted run, at most."""


class RunLifecycle(RunLogging):
    """Mixin that starts and ends interactive runs, and creates child runs of any run.

    Example:
        >>> with experiment.start_logging(snapshot_directory=None) as parent:
        ...     child = parent.child_run("fold-1")
        ...     child.complete()
        >>> child.get_status()
        'Completed'
    """

    _outputs: str | None = None
    _echo: Any = None

    @staticmethod
    def start_logging(experiment: Any = None, **kwargs: Any) -> Any:
        """Start an interactive run. Early articles used this method, which SDK v1 never had.

        Args:
            experiment: the experiment.
            **kwargs: see :meth:`Experiment.start_logging`.

        Raises:
            UserErrorException: the experiment is missing.
        """
        if not hasattr(experiment, "start_logging"):
            raise UserErrorException(
                "Run.start_logging needs an experiment. Use Experiment(workspace, 'my-experiment').start_logging()."
            )
        warn("Run has no method 'start_logging'; it is treated as experiment.start_logging().")
        return experiment.start_logging(**kwargs)

    def start(self) -> None:
        """Mark the run as started. Needed only for runs created by :meth:`create_children`."""
        if self._is_submitted():
            return  # it is started by its compute target
        self._record = self._call("POST", "start")

    def complete(self, _set_status: bool = True) -> None:
        """Mark an interactive run as completed and upload its output folder.

        A submitted run completes when its script exits, so this only warns if it has not ended yet.
        """
        if not self._is_submitted():
            self._end("completed", "")
        elif not states.is_terminal(self._status()):
            warn(
                f"Run {self._id} completes when its script exits; complete() does not end it. "
                "Wait for it with run.wait_for_completion()."
            )

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """End the run as failed. The processes of a submitted run are ended first, as by :meth:`Run.cancel`.

        Args:
            error_details: error message, or an exception.
            error_code: prefix for the error message.
            _set_status: ignored.
        """
        message = "run.fail() was called." if error_details is None else str(error_details)
        if isinstance(error_details, BaseException):
            message = f"User program failed with {type(error_details).__name__}: {error_details}"
        message = f"{error_code}: {message}" if error_code else message
        if self._is_submitted():
            self._end_submitted(message)
        else:
            self._end("failed", message)

    def _status(self) -> str:
        return str(self._call("GET")["status"])

    def _end_submitted(self, message: str) -> None:
        self._record = self._call("POST", "end", json={"outcome": "failed", "message": message})
        if not states.is_terminal(self._record["status"]):
            self._record = self._call("GET", "wait", query={"timeout": _LONGEST_END})
        elif self._record["status"] != states.FAILED:
            warn(f"Run {self._id} has already ended: it stays {self._record['status']}.")

    def _end(self, outcome: str, message: str) -> None:
        from trainshed.api.runs import interactive

        ended = states.is_terminal(str(self._record.get("status")))
        if self._outputs is not None and os.path.isdir(self._outputs) and not ended:
            interactive.keep_outputs(self._log(), self._outputs)
        self._record = self._call("POST", "end", json={"outcome": outcome, "message": message})
        interactive.ended(self._id)
        if self._outbox is not None:
            self._outbox.close()

    def __enter__(self) -> Any:
        """Return the run. The block's output is also saved to ``logs/user_log.txt``, unless the run was submitted."""
        if self._is_submitted() or self._echo is not None:
            return self
        from trainshed.api.runs.interactive import Echo

        if self._append_to is not None and self._may_append("log"):
            self._echo = Echo(self._append_to["log"])
        else:
            self._echo = Echo(self._remote().file("log"), self._remote().wake)
        return self

    def __exit__(
        self, exit_type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run: as failed if the block raised an exception, which is propagated, and as completed otherwise.

        A submitted run is left to its script.
        """
        if self._is_submitted():
            return
        if self._echo is not None:
            self._echo.close()
            self._echo = None
        if states.is_terminal(self._status()):
            return  # the run was ended or canceled inside the block
        if value is None:
            self.complete()
        else:
            self.fail(value)

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> RunLike:
        """Start an interactive child run.

        Args:
            name: name to display instead of the run id.
            run_id: id of the child run. Default: a generated id.
            outputs: folder whose files are uploaded when the child run completes. Default: none.

        Example:
            >>> with run.child_run("fold 1") as child:
            ...     child.log("accuracy", 0.9)
        """
        return self._begin_child(outputs, display_name=name, run_id=run_id)

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> Any:
        """Create child runs without starting them.

        Args:
            count: number of child runs.
            tag_key: name of a tag to set on each child run, as an alternative to ``count``.
            tag_values: value of the tag for each child run.

        Returns:
            List of the child runs.

        Raises:
            UserErrorException: both or neither of ``count`` and ``tag_key`` are passed, or the number of child runs is
                not 1 to 100.
        """
        tags: list[dict[str, Any]]
        if count is not None and tag_key is None and tag_values is None:
            tags = [{}] * count
        elif count is None and tag_key is not None and tag_values is not None:
            tags = [{tag_key: value} for value in tag_values]
        else:
            raise UserErrorException("create_children needs either count=, or tag_key= with tag_values=.")
        if not 0 < len(tags) <= _MOST_CHILDREN:
            raise UserErrorException(f"create_children can create 1 to {_MOST_CHILDREN} children, not {len(tags)}.")
        return [self._begin_child(None, tags=each, start=False) for each in tags]

    def _begin_child(self, outputs: str | None, **options: Any) -> RunLike:
        from trainshed.api.runs.interactive import begin, opened

        record = begin(self._experiment, parent=self._id, **options)
        return opened(self._experiment.workspace.run_of(record), outputs)

    def submit_child(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> RunLike:
        """Submit a child run. See :meth:`Experiment.submit` for parameters and errors."""
        return self._experiment.submit(config, tags, **kwargs, parent=self._id)

    def _end_with_program(self, error: BaseException | None) -> None:
        """End the run, unless it has ended already, because the process is exiting."""
        try:
            if not states.is_terminal(self._status()):
                if error is not None:
                    self.fail(error)
                else:
                    self.complete()
        except TrainshedError:
            return  # the service or workspace may no longer exist, and the process is exiting anyway
