"""Runs."""

from __future__ import annotations

from trainshed.api.runs.details import Details, details_of
from trainshed.api.runs.lifecycle import RunLifecycle
from trainshed.api.runs.metrics import Metrics
from trainshed.api.runs.run_files import RunFiles
from trainshed.api.runs.run_models import RunModels
from trainshed.api.runs.run_tree import RunTree
from trainshed.client.http import quoted
from trainshed.errors import TYPE_CHECKING, SnapshotException
from trainshed.spec import states

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import ExperimentLike, RunLike, WorkspaceLike

_ARTIFACT = "aml://artifactId/"
DOCS = "https://github.com/trainshed/trainshed"
"""URL of the documentation."""


class Run(RunFiles, RunLifecycle, RunTree, RunModels):
    """A run of an experiment. Inside the run's script, use :meth:`get_context`.

    Args:
        experiment: experiment of the run.
        run_id: id of the run.
        outputs: ignored.
        **kwargs: ignored.

    Example:
        >>> run = experiment.submit(estimator)
        >>> run.wait_for_completion().status
        'Completed'
    """

    def __init__(self, experiment: ExperimentLike, run_id: str, outputs: Any = None, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, kwargs.get("_record"))

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:  # noqa: ARG003 - v1's
        """Return the current run, in which this script is running.

        Args:
            allow_offline: outside a run, return an offline run that prints the logged values instead of raising.
            used_for_context_manager: ignored.
            **kwargs: ignored.

        Raises:
            RunEnvironmentException: the script is not part of a run, and ``allow_offline`` is False.
        """
        from trainshed.runtime.run import Run as ScriptsRun  # imported only when needed

        return ScriptsRun.get_context(allow_offline=allow_offline)

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:  # noqa: ARG003 - v1's
        """Return the current run. Deprecated: use :meth:`get_context`.

        Raises:
            RunEnvironmentException: the script is not part of a run.
        """
        return cls.get_context(allow_offline=False)

    @staticmethod
    def get(workspace: WorkspaceLike, run_id: str) -> RunLike:
        """Return a run by its id.

        Raises:
            NotFoundException: the run does not exist.
        """
        return workspace.get_run(run_id)

    def record(self) -> dict[str, Any]:
        """Return the service's current record of the run as a dict (Trainshed extension)."""
        if "spec" not in self._record or not states.is_terminal(self._record["status"]):
            self._record = self._call("GET")
        return self._record

    def _known(self, field: str) -> Any:
        """Return a field of the record that never changes, from the cached record if possible."""
        return self._record[field] if field in self._record else self.record()[field]

    @property
    def id(self) -> str:
        """Id of the run."""
        return self._id

    @property
    def number(self) -> int:
        """Sequence number within the experiment, starting at 1."""
        return int(self._known("number"))

    @property
    def type(self) -> str | None:
        """Type of the run, e.g. ``"azureml.scriptrun"``, or None for an interactive run."""
        return self._known("kind") or None

    @property
    def name(self) -> str:
        """Display name of the run, or its id if it has none."""
        return str(self._known("display_name") or self._id)

    @property
    def display_name(self) -> str:
        """Display name of the run, or its id if it has none. Can be set."""
        return self.name

    @display_name.setter
    def display_name(self, name: str | None) -> None:
        self._record = self._call("PUT", json={"display_name": name})

    @property
    def description(self) -> str:
        """Description of the run. Can be set."""
        return str(self._known("description") or "")

    @description.setter
    def description(self, text: str | None) -> None:
        self._record = self._call("PUT", json={"description": text})

    @property
    def experiment(self) -> ExperimentLike:
        """Experiment of the run."""
        return self._experiment

    @property
    def parent(self) -> RunLike | None:
        """Parent run, or None."""
        parent = self._known("parent")
        return self._experiment.workspace.get_run(parent) if parent else None

    @property
    def status(self) -> str:
        """Current status, as returned by :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> str:
        """Return the current status, e.g. ``"Running"``, ``"Completed"``, ``"Failed"`` or ``"Canceled"``.

        Example:
            >>> run.get_status()
            'Completed'
        """
        if not self._record or not states.is_terminal(self._record["status"]):
            self._record = self._call("GET")
        return str(self._record["status"])

    def get_detailed_status(self) -> dict[str, Any]:
        """Return the current status with the reason for it: ``{"status": …, "details": …}``."""
        record = self.record()
        details = record["details"] or {}
        why = (details.get("error") or {}).get("message") or details.get("policy_request") or record["reason"]
        return {"status": record["status"], "details": why or ""}

    def get_details(self) -> Details:
        """Return the details of the run as a dict in SDK v1's format, with items readable as attributes.

        Example:
            >>> run.get_details().status
            'Completed'
        """
        record = self.record()
        base = f"{self._experiment.workspace.connection.base_url}/api/v1"
        logs = {name: base + self._path(self._id, "files", name) for name in self._log_names()}
        return details_of(record, logs, self._experiment.workspace)

    def get_details_with_logs(self) -> Details:
        """Return the details of the run with the content of each log file instead of its URL."""
        details = self.get_details()
        details["logFiles"] = {
            name: b"".join(self.read(name)).decode("utf-8", errors="replace") for name in details["logFiles"]
        }
        return details

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Details:
        """Wait until the run has ended.

        Args:
            show_output: stream the run's logs to stdout.
            wait_post_processing: ignored; a run ends only after post-processing.
            raise_on_error: raise an exception if the run fails; otherwise print the error.

        Returns:
            The details of the run, as returned by :meth:`get_details`.

        Raises:
            ActivityFailedException: the run failed. The message includes the last lines of its log.
            ExperimentExecutionException: Ctrl-C was pressed. The run continues.

        Example:
            >>> run.wait_for_completion().status
            'Completed'
        """
        from trainshed.api.runs.watch import watch

        return watch(self, show_output, raise_on_error)

    def cancel(self) -> None:
        """Cancel the run. Its processes receive SIGTERM, then SIGKILL after the grace period.

        Example:
            >>> run = experiment.submit(estimator)
            >>> run.cancel()
        """
        self._record = self._call("POST", "cancel")

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Return the metrics logged so far.

        Args:
            name: only the metric with this name.
            recursive: return ``{run id: metrics}`` for the run and all its descendants.
            run_type: only metrics of runs of this type.
            populate: return chart contents instead of their artifact paths.

        Returns:
            Metric name → value. A metric that was logged several times is a list, in order.

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
        found = self._call("GET", "metrics", query={"name": name})["metrics"]
        metrics = Metrics(found, f"{self._id}, which is {self._record.get('status', 'not known')},")
        for key, value in metrics.items() if populate else ():
            if isinstance(value, str) and value.startswith(_ARTIFACT) and value.endswith(".json"):
                import json  # see transfer

                metrics[key] = json.loads(b"".join(self.read(value[len(_ARTIFACT) :])))
        return metrics

    def series(self, name: str) -> list[tuple[int | None, float, Any]]:
        """Return all values of a metric with their steps and times (Trainshed extension).

        Returns:
            List of ``(step, time, value)``: the ``step`` passed to :meth:`log` or None, and a Unix timestamp.

        Example:
            >>> [(step, value) for step, _, value in run.series("accuracy")]
            [(None, 0.9)]
        """
        points = self._call("GET", "points", query={"name": name})["points"]
        return [(step, time, value) for step, time, value in points]

    def get_snapshot_id(self) -> str | None:
        """Return the id of the snapshot of the source folder, or None."""
        snapshot: str | None = self.record()["spec"]["snapshot"]
        return snapshot

    def take_snapshot(self, file_or_folder_path: str) -> str:
        """Take a snapshot of a file or folder for a run that has none, or only that of ``start_logging``.

        Returns:
            Id of the snapshot.

        Raises:
            SnapshotException: the run already has a snapshot, or the snapshot cannot be taken.
        """
        from trainshed.api.runs.snapshots import take

        snapshot, first = take(self._experiment.workspace, file_or_folder_path), vars(self).get("_first_snapshot")
        self._record = self._call("POST", "snapshot", json={"snapshot": snapshot, "instead_of": first})
        return snapshot

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Download a snapshot as a zip archive and return its path.

        Args:
            snapshot_id: id of the snapshot. Default: the run's own snapshot.
            path: file or folder to write to. Default: the current folder.

        Raises:
            SnapshotException: the run has no snapshot.
        """
        from trainshed.api.runs.snapshots import restore

        snapshot = snapshot_id or self.get_snapshot_id()
        if snapshot is None:
            raise SnapshotException(f"Run {self._id} has no snapshot of its source.")
        return restore(self._experiment.workspace, snapshot, path)

    def snapshot_restore(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Download a snapshot. Deprecated: use :meth:`restore_snapshot`."""
        return self.restore_snapshot(snapshot_id, path)

    def get_portal_url(self) -> str:
        """Return the URL of the run's web page, for a browser on this machine."""
        workspace = self._experiment.workspace
        return workspace.page_url(f"/runs/{quoted(self._id)[1:]}")

    @classmethod
    def get_docs_url(cls) -> str:
        """Return the URL of the documentation."""
        return DOCS

    def clean(self) -> Any:
        """Delete the working files of a finished run. Its outputs and logs are kept.

        Returns:
            Names of the deleted files and folders.

        Raises:
            UserErrorException: the run has not ended.
        """
        return self._call("POST", "clean")["removed"]

    clean_all = clean  # deprecated name

    def _repr_html_(self) -> str:
        from html import escape

        url = escape(self.get_portal_url(), quote=True)
        cells = (self._experiment.name, self._id, self.type or "", self.get_status())
        values = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        heads = "".join(
            f"<th>{head}</th>" for head in ("Experiment", "Id", "Type", "Status", "Details Page", "Docs Page")
        )
        links = f'<td><a href="{url}" target="_blank">page</a></td><td><a href="{DOCS}" target="_blank">docs</a></td>'
        return f"<table><tr>{heads}</tr><tr>{values}{links}</tr></table>"

    def __repr__(self) -> str:
        return f"Run(Experiment: {self._experiment.name},\nId: {self._id},\nType: {self.type},\nStatus: {self.status})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)


class ScriptRun(Run):
    """A run of a script.

    Args:
        experiment: experiment of the run.
        run_id: id of the run.
        directory: ignored.
        **kwargs: ignored.

    Example:
        >>> type(run).__name__, run.get_metrics()["accuracy"]
        ('ScriptRun', 0.9)
    """

    def __init__(
        self, experiment: ExperimentLike, run_id: str, directory: Any = None, _run_config: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)

    def get_diagnostics(self, destination: str | None = None) -> Any:
        """Download all log files and return their paths. Deprecated: use :meth:`get_all_logs`."""
        return self.get_all_logs(destination)


def get_run(
    experiment: ExperimentLike | WorkspaceLike,
    run_id: str,
    rehydrate: bool = True,
    clean_up: bool = True,
) -> RunLike:
    """Return a run by its id.

    Args:
        experiment: experiment or workspace of the run.
        run_id: id of the run.
        rehydrate: ignored.
        clean_up: ignored.

    Raises:
        NotFoundException: the run does not exist. The message suggests the closest match.

    Example:
        >>> get_run(ws, run.id) == run
        True
    """
    workspace: Any = getattr(experiment, "workspace", experiment)
    return workspace.get_run(run_id)  # type: ignore[no-any-return]
