"""A run: what became of one submit."""

from __future__ import annotations

from trainshed.api.runs.details import Details, details_of
from trainshed.api.runs.lifecycle import RunLifecycle
from trainshed.api.runs.run_files import RunFiles
from trainshed.api.runs.run_models import RunModels
from trainshed.api.runs.run_tree import RunTree
from trainshed.client.http import quoted
from trainshed.errors import TYPE_CHECKING, RunEnvironmentException, SnapshotException
from trainshed.spec import states

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import ExperimentLike, RunLike, WorkspaceLike

_ARTIFACT = "aml://artifactId/"
DOCS = "https://github.com/trainshed/trainshed"
"""Where it is all described."""


class Run(RunFiles, RunLifecycle, RunTree, RunModels):
    """A run of an experiment, seen from outside; inside its script :meth:`get_context` gives the run itself.

    Args:
        experiment: the experiment it belongs to.
        run_id: its id.
        outputs: accepted and not used.
        **kwargs: further keywords of v1, not used.

    Example:
        >>> run = experiment.submit(estimator)
        >>> run.wait_for_completion().status
        'Completed'
    """

    def __init__(self, experiment: ExperimentLike, run_id: str, outputs: Any = None, **kwargs: Any) -> None:
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
    def get(workspace: WorkspaceLike, run_id: str) -> RunLike:
        """Return a run of any experiment of a workspace.

        Raises:
            NotFoundException: no such run.
        """
        return workspace.get_run(run_id)

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
        """Its display name, or its id; may be set."""
        return self.name

    @display_name.setter
    def display_name(self, name: str | None) -> None:
        self._record = self._call("PUT", json={"display_name": name})

    @property
    def description(self) -> str:
        """What it is about; may be set."""
        return str(self._known("description") or "")

    @description.setter
    def description(self, text: str | None) -> None:
        self._record = self._call("PUT", json={"description": text})

    @property
    def experiment(self) -> ExperimentLike:
        """The experiment it belongs to."""
        return self._experiment

    @property
    def parent(self) -> RunLike | None:
        """The run that started it, or None."""
        parent = self._known("parent")
        return self._experiment.workspace.get_run(parent) if parent else None

    @property
    def status(self) -> str:
        """Its state as of now; see :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> str:
        """Return its state as of now, e.g. ``"Running"``, ``"Completed"``, ``"Failed"``, ``"Canceled"``.

        Example:
            >>> run.get_status()
            'Completed'
        """
        if not self._record or not states.is_terminal(self._record["status"]):
            self._record = self._call("GET")
        return str(self._record["status"])

    def get_detailed_status(self) -> dict[str, Any]:
        """Return its state, and why it is in it: ``{"status", "details"}``."""
        record = self.record()
        error = (record["details"] or {}).get("error") or {}
        return {"status": record["status"], "details": error.get("message") or record["reason"] or ""}

    def get_details(self) -> Details:
        """Return all that is known of the run: a dict in v1's shape, whose keys are attributes too.

        Example:
            >>> run.get_details().status
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

        Example:
            >>> run.wait_for_completion().status
            'Completed'
        """
        from trainshed.api.runs.watch import watch

        return watch(self, show_output, raise_on_error)

    def cancel(self) -> None:
        """Ask for the end of the run: it is told to stop, and ended with all its processes if it does not.

        Example:
            >>> run = experiment.submit(estimator)
            >>> run.cancel()
        """
        self._record = self._call("POST", "cancel")

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Return what the script has logged up to now.

        Args:
            name: only the metric of this name.
            recursive: return ``{run id: metrics}`` of it and of all below it.
            run_type: only of runs of this type.
            populate: return what charts show, where otherwise their place is told.

        Returns:
            Name → value: what was logged once is a scalar, what was logged several times a list, in order.

        Example:
            >>> run.get_metrics()
            {'accuracy': 0.9}
        """
        found = {self._id: self._metrics(name, populate)} if run_type in (None, self.type) else {}
        if not recursive:
            return found.get(self._id, {})
        for child in self.get_children(recursive=True, type=run_type):
            found[child.id] = child._metrics(name, populate)
        return found

    def _metrics(self, name: str | None, populate: bool) -> dict[str, Any]:
        metrics: dict[str, Any] = self._call("GET", "metrics", query={"name": name})["metrics"]
        for key, value in metrics.items() if populate else ():
            if isinstance(value, str) and value.startswith(_ARTIFACT) and value.endswith(".json"):
                import json  # see transfer

                metrics[key] = json.loads(b"".join(self.read(value[len(_ARTIFACT) :])))
        return metrics

    def series(self, name: str) -> list[tuple[int | None, float, Any]]:
        """Return everything that was logged as a metric, in order.

        Returns:
            ``(step, time, value)`` of each: the ``step`` given to :meth:`log` or None, and seconds since the epoch.

        Example:
            >>> [(step, value) for step, _, value in run.series("accuracy")]
            [(None, 0.9)]
        """
        points = self._call("GET", "points", query={"name": name})["points"]
        return [(step, time, value) for step, time, value in points]

    def get_snapshot_id(self) -> str | None:
        """Return the id of the source snapshot it runs from."""
        snapshot: str | None = self.record()["spec"]["snapshot"]
        return snapshot

    def take_snapshot(self, file_or_folder_path: str) -> str:
        """Keep a snapshot of a file or a folder; a run has one.

        Returns:
            Id of the snapshot.

        Raises:
            SnapshotException: the run has one, or this cannot be kept.
        """
        from trainshed.api.runs.snapshots import take

        snapshot = take(self._experiment.workspace, file_or_folder_path)
        self._record = self._call("POST", "snapshot", json={"snapshot": snapshot})
        return snapshot

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Download a snapshot as a zip archive.

        Args:
            snapshot_id: which; the run's own if None.
            path: file or folder for it; the current folder if None.

        Returns:
            Path of the archive.

        Raises:
            SnapshotException: the run has no snapshot.
        """
        from trainshed.api.runs.snapshots import restore

        wanted = snapshot_id or self.get_snapshot_id()
        if wanted is None:
            raise SnapshotException(f"Run {self._id} has no snapshot of its source.")
        return restore(self._experiment.workspace, wanted, path)

    def snapshot_restore(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Call :meth:`restore_snapshot`, of which this is the name of 2018."""
        return self.restore_snapshot(snapshot_id, path)

    def get_portal_url(self) -> str:
        """Return the URL of its page, with status, metrics, files and log, for a browser on this machine."""
        workspace = self._experiment.workspace
        return workspace.page_url(f"/runs/{quoted(self._id)[1:]}")

    @classmethod
    def get_docs_url(cls) -> str:
        """Return where runs are described."""
        return DOCS

    def clean(self) -> Any:
        """Delete the working files of a run that has ended; its outputs and logs stay.

        Returns:
            Names of what was deleted.

        Raises:
            UserErrorException: it has not ended.
        """
        return self._call("POST", "clean")["removed"]

    clean_all = clean  # its name in 2018

    def _repr_html_(self) -> str:
        from html import escape

        url = escape(self.get_portal_url(), quote=True)
        cells = (self._experiment.name, self._id, self.type or "", self.get_status())
        told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        heads = "".join(
            f"<th>{head}</th>" for head in ("Experiment", "Id", "Type", "Status", "Details Page", "Docs Page")
        )
        links = f'<td><a href="{url}" target="_blank">page</a></td><td><a href="{DOCS}" target="_blank">docs</a></td>'
        return f"<table><tr>{heads}</tr><tr>{told}{links}</tr></table>"

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

    Example:
        >>> type(run).__name__, run.get_metrics()["accuracy"]
        ('ScriptRun', 0.9)
    """

    def __init__(
        self, experiment: ExperimentLike, run_id: str, directory: Any = None, _run_config: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)

    def get_diagnostics(self) -> Any:
        """Download all logs, as :meth:`get_all_logs`, which took its place in v1.

        Returns:
            Their paths.
        """
        return self.get_all_logs()


def get_run(
    experiment: ExperimentLike | WorkspaceLike,
    run_id: str,
    rehydrate: bool = True,
    clean_up: bool = True,
) -> RunLike:
    """Return a run.

    Raises:
        NotFoundException: no such run; the sentence names the nearest.

    Example:
        >>> get_run(ws, run.id) == run
        True
    """
    workspace: Any = getattr(experiment, "workspace", experiment)
    run: RunLike = workspace.get_run(run_id)
    return run
