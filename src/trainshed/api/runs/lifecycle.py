"""The lifecycle of a run that a program logs by itself: begin, children, end."""

from __future__ import annotations

import os

from trainshed.api.runs.run_logging import RunLogging
from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from trainshed.api.protocols import RunLike

_MOST_CHILDREN = 100


class RunLifecycle(RunLogging):
    """Starts and ends interactive runs, and creates children of any run.

    Example:
        >>> with experiment.start_logging(snapshot_directory=None) as parent:
        ...     child = parent.child_run("fold-1")
        ...     child.complete()
        >>> child.get_status()
        'Completed'
    """

    _outputs: str | None = None
    _echo: Any = None

    def start(self) -> None:
        """Note that the run has begun; :meth:`create_children` makes runs that have not."""
        self._record = self._call("POST", "start")

    def complete(self, _set_status: bool = True) -> None:
        """End an interactive run well; files below ``./outputs`` become its own.

        Raises:
            UserErrorException: the run starts and ends with its script.
        """
        self._end("completed", "")

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """End an interactive run as failed.

        Args:
            error_details: what went wrong: text or an exception.
            error_code: put in front of it.
            _set_status: accepted and not used.

        Raises:
            UserErrorException: the run starts and ends with its script.
        """
        told = "" if error_details is None else str(error_details)
        if isinstance(error_details, BaseException):
            told = f"User program failed with {type(error_details).__name__}: {error_details}"
        self._end("failed", f"{error_code}: {told}" if error_code else told)

    def _end(self, outcome: str, message: str) -> None:
        from trainshed.api.runs import interactive

        if self._outputs is not None and os.path.isdir(self._outputs):
            interactive.keep_outputs(self._log(), self._outputs)
        self._record = self._call("POST", "end", json={"outcome": outcome, "message": message})
        interactive.ended(self._id)
        if self._outbox is not None:
            self._outbox.close()

    def __enter__(self) -> Any:
        """Return the run; what the block prints is kept in ``logs/user_log.txt`` too."""
        from trainshed.api.runs.interactive import Echo

        if self._append_to is not None and self._may_append("log"):
            self._echo = Echo(self._append_to["log"])
        else:
            self._echo = Echo(self._remote().file("log"), self._remote().wake)
        return self

    def __exit__(
        self, exit_type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run, as failed where the block raised; the exception goes on."""
        if self._echo is not None:
            self._echo.close()
            self._echo = None
        if states.is_terminal(str(self._call("GET")["status"])):
            return  # ended or cancelled within the block
        if value is None:
            self.complete()
        else:
            self.fail(value)

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> RunLike:
        """Return a new child that is running; this program logs it.

        Args:
            name: shown instead of its id.
            run_id: its id; None makes one up.
            outputs: folder whose files become the child's when it is completed; None: none.

        Example:
            >>> with run.child_run("fold 1") as child:
            ...     child.log("accuracy", 0.9)
        """
        return self._begin_child(outputs, display_name=name, run_id=run_id)

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> Any:
        """Return new children that have not begun.

        Args:
            count: how many; or
            tag_key: a tag that each of them gets, with
            tag_values: its value for each.

        Raises:
            UserErrorException: not exactly one of count and tags, or more than 100 children.
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

    def _begin_child(self, outputs: str | None, **how: Any) -> RunLike:
        from trainshed.api.runs.interactive import begin, opened

        record = begin(self._experiment, parent=self._id, **how)
        return opened(self._experiment.workspace.run_of(record), outputs)

    def submit_child(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> RunLike:
        """Submit a run as a child of this one.

        Args:
            config: as for :meth:`Experiment.submit`.
            tags: labels of the child.
            **kwargs: as for :meth:`Experiment.submit`.

        Raises:
            TrainshedError: as :meth:`Experiment.submit`.
        """
        return self._experiment.submit(config, tags, **kwargs, parent=self._id)

    def _end_with_program(self, failed: bool) -> None:
        """End the run, unless it has ended, because its program leaves."""
        try:
            if not states.is_terminal(str(self._call("GET")["status"])):
                if failed:
                    self.fail("The program ended with an exception.")
                else:
                    self.complete()
        except TrainshedError:
            return  # the workspace may be gone, and nobody is left to be told
