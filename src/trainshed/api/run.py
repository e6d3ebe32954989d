"""A run: what became of one submit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.details import Details, details_of
from trainshed.api.run_course import RunCourse
from trainshed.api.run_files import RunFiles
from trainshed.api.run_labels import RunLabels
from trainshed.errors import RunEnvironmentException
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.api.experiment import Experiment
    from trainshed.api.workspace import Workspace


class Run(RunFiles, RunLabels, RunCourse):
    """A run of an experiment, seen from outside; inside its script :meth:`get_context` gives the run itself.

    Args:
        experiment: the experiment it belongs to.
        run_id: its id.
        outputs: accepted and not used.
        **kwargs: further keywords of v1, not used.

    Example:
        >>> run = experiment.submit(estimator)  # doctest: +SKIP
        >>> run.wait_for_completion(show_output=True).status  # doctest: +SKIP
        'Completed'
    """

    def __init__(self, experiment: Experiment, run_id: str, outputs: Any = None, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, kwargs.get("_record"))

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:  # noqa: ARG003 - v1's
        """Return the run whose script this is.

        Args:
            allow_offline: outside of a run, return an offline run that prints what it is told, instead of raising.
            used_for_context_manager: accepted and not used.
            **kwargs: further keywords of v1, not used.

        Raises:
            RunEnvironmentException: outside of a run, with ``allow_offline=False``.
        """
        import os

        if not allow_offline and not os.environ.get("TRAINSHED_RUN_DIR"):
            raise RunEnvironmentException(
                "This program was not started by Trainshed, so there is no current run. "
                "Submit it (experiment.submit, or 'trainshed submit'), or allow an offline run."
            )
        from trainshed.runtime.run import Run as ScriptsRun  # most programs never ask for it

        return ScriptsRun.get_context(allow_offline=allow_offline)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:  # noqa: ARG003 - v1's
        """Return the run whose script this is, under the name of 2018.

        Raises:
            RunEnvironmentException: outside of a run.
        """
        return cls.get_context(allow_offline=False)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """Return a run of any experiment of a workspace.

        Args:
            workspace: where to look.
            run_id: its id.

        Raises:
            NotFoundException: no such run.
        """
        return workspace.get_run(run_id)

    @staticmethod
    def list(
        experiment: Experiment, type: str | None = None, tags: Any = None, properties: Any = None, **_: Any
    ) -> Any:
        """Yield the runs of an experiment; see :meth:`Experiment.get_runs`."""
        return experiment.get_runs(type, tags, properties)

    def record(self) -> dict[str, Any]:
        """Return all that the service keeps of the run, as of now (ours)."""
        if "spec" not in self._record or not states.is_terminal(self._record["status"]):
            self._record = self._call("GET")
        return self._record

    def _known(self, field: str) -> Any:
        """Return a field that never changes."""
        return self._record[field] if field in self._record else self.record()[field]

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    @property
    def number(self) -> int:
        """Its number within the experiment, from 1."""
        return int(self._known("number"))

    @property
    def type(self) -> str | None:
        """Its type, e.g. ``"azureml.scriptrun"``; None for an interactive run."""
        return self._known("kind") or None

    @property
    def name(self) -> str:
        """Its display name, or its id."""
        return str(self._known("display_name") or self._id)

    @property
    def display_name(self) -> str:
        """Its display name, or its id."""
        return self.name

    @property
    def experiment(self) -> Experiment:
        """The experiment it belongs to."""
        return self._experiment

    @property
    def parent(self) -> Run | None:
        """The run that started it, or None."""
        parent = self._known("parent")
        return self._experiment.workspace.get_run(parent) if parent else None

    @property
    def status(self) -> str:
        """Its state as of now; see :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> str:
        """Return its state as of now, e.g. ``"Running"``, ``"Completed"``, ``"Failed"``, ``"Canceled"``."""
        if not self._record or not states.is_terminal(self._record["status"]):
            self._record = self._call("GET")
        return str(self._record["status"])

    def get_details(self) -> Details:
        """Return all that is known of the run: a dict in v1's shape, whose keys are attributes too.

        Example:
            >>> run.get_details().status  # doctest: +SKIP
            'Completed'
        """
        record = self.record()
        base = f"{self._experiment.workspace.connection.base_url}/api/v1"
        logs = {name: base + self._path(self._id, "files", name) for name in self._log_names()}
        return details_of(record, logs)

    def get_details_with_logs(self) -> Details:
        """Return the details with the content of each log in place of its URL."""
        details = self.get_details()
        details["logFiles"] = {
            name: b"".join(self.read(name)).decode("utf-8", errors="replace") for name in details["logFiles"]
        }
        return details

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Details:
        """Return when the run has ended.

        Args:
            show_output: print its logs as they come.
            wait_post_processing: accepted; a run has always been post-processed when it has ended.
            raise_on_error: raise if it failed; otherwise the failure is printed.

        Returns:
            As :meth:`get_details`.

        Raises:
            ActivityFailedException: the run failed; the last lines of its log are in the message.
            ExperimentExecutionException: Ctrl-C was pressed. The run goes on.
        """
        from trainshed.api.watch import watch

        return watch(self, show_output, raise_on_error)

    def cancel(self) -> None:
        """Ask for the end of the run: it is told to stop, and ended with all its processes if it does not."""
        self._record = self._call("POST", "cancel")

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Return what the script has logged up to now.

        Args:
            name: only the metric of this name.
            recursive: return ``{run id: metrics}``.
            run_type: accepted and not used.
            populate: accepted and not used.

        Returns:
            Name → value: what was logged once is a scalar, what was logged several times a list, in order.
        """
        metrics: dict[str, Any] = self._call("GET", "metrics", query={"name": name})["metrics"]
        return {self._id: metrics} if recursive else metrics

    def get_snapshot_id(self) -> str | None:
        """Return the id of the source snapshot it runs from."""
        snapshot: str | None = self.record()["spec"]["snapshot"]
        return snapshot

    def get_portal_url(self) -> str:
        """Return the URL of the run on its service."""
        return f"{self._experiment.workspace.connection.base_url}/api/v1{self._path(self._id)}"

    def __repr__(self) -> str:
        return f"Run(Experiment: {self._experiment.name},\nId: {self._id},\nType: {self.type},\nStatus: {self.status})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)


class ScriptRun(Run):
    """A run of a script.

    Args:
        experiment: the experiment it belongs to.
        run_id: its id.
        directory: accepted and not used.
        **kwargs: further keywords of v1, not used.
    """

    def __init__(
        self, experiment: Experiment, run_id: str, directory: Any = None, _run_config: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)


def get_run(
    experiment: Experiment | Workspace,
    run_id: str,
    rehydrate: bool = True,  # noqa: ARG001 - v1's
    clean_up: bool = True,  # noqa: ARG001 - v1's
) -> Run:
    """Return a run.

    Args:
        experiment: an experiment, or a workspace.
        run_id: its id.
        rehydrate: accepted and not used.
        clean_up: accepted and not used.

    Raises:
        NotFoundException: no such run; the sentence names the nearest.
    """
    workspace: Any = getattr(experiment, "workspace", experiment)
    run: Run = workspace.get_run(run_id)
    return run
