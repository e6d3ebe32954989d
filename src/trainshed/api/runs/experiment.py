"""Experiments, which group runs under a name."""

from __future__ import annotations

from trainshed.client.http import quoted
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec.checks import check_experiment_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from trainshed.api.protocols import Labels, RunLike, WorkspaceLike
    from trainshed.api.runs.run import Run, ScriptRun

_VIEWS = {"ActiveOnly": False, "ArchivedOnly": True, "All": None}


class Experiment:
    """A named group of runs. The experiment is created with its first run.

    Args:
        workspace: workspace of the experiment.
        name: 1 to 255 letters, digits, ``_`` and ``-``, starting with a letter or digit.
        **kwargs: ignored.

    Raises:
        UserErrorException: the name is invalid.

    Example:
        >>> run = Experiment(ws, "diabetes").submit(estimator)
    """

    def __init__(
        self, workspace: WorkspaceLike | None = None, name: str = "", _skip_name_validation: bool = False, **kwargs: Any
    ) -> None:
        if workspace is None and "workspace_object" in kwargs:
            warn("Experiment has no parameter 'workspace_object'; it is treated as 'workspace'.")
            workspace = kwargs["workspace_object"]
        # Check the class: reading the property from the instance would start the service.
        if not hasattr(type(workspace), "connection"):
            raise UserErrorException(
                f"Experiment: the first parameter must be a Workspace, not {type(workspace).__name__}; "
                "e.g. Experiment(Workspace.from_config(), 'my-experiment')."
            )
        self._workspace: WorkspaceLike = workspace  # type: ignore[assignment]  # just checked
        self._name = check_experiment_name(name)
        self._record: dict[str, Any] = kwargs.get("_record") or {}

    @property
    def workspace(self) -> WorkspaceLike:
        """Workspace of the experiment."""
        return self._workspace

    @property
    def workspace_object(self) -> WorkspaceLike:
        """Same as ``workspace``. Deprecated."""
        return self._workspace

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self._name

    def submit(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> ScriptRun:
        """Submit a run.

        Validates the configuration, uploads a snapshot of the source folder, and queues the run. When this method
        returns, the run has been saved to disk: it will start even if this process or the service exits.

        Args:
            config: an Estimator or a ScriptRunConfig; or a HyperDriveConfig, which returns a HyperDriveRun.
            tags: tags of the run.
            **kwargs: for an Estimator, ``script_params``, ``inputs`` and ``source_directory_data_store`` override the
                estimator's own. Trainshed extensions: ``priority`` (int; runs with higher priority start first) and
                ``slots`` (int; number of slots that the run occupies on its target); for a HyperDriveConfig also
                ``max_retries`` (int; how often a run is repeated that failed for a reason outside of its script, such
                as a lost machine or a lack of memory).

        Raises:
            UserErrorException: the configuration has the wrong type, or its folder, script or datastore does not exist.
            TrainingException: settings contradict each other.
            ComputeTargetException: the compute target does not exist.
            SnapshotException: the source folder cannot be uploaded.

        Example:
            >>> run = experiment.submit(estimator, tags={"stage": "trial"}, priority=1)
        """
        from trainshed.api.training.submission import send  # imported only when needed

        record = send(self._workspace, self._name, config, tags or {}, kwargs)
        if hasattr(config, "_sweep"):
            sweep: Any = self._workspace.run_of(record)
            sweep._hyperdrive_config = config
            for warning in record["details"].get("warnings", ()):
                warn(warning["message"])
            return sweep  # type: ignore[no-any-return]  # a HyperDriveRun, which this room does not know
        from trainshed.api.runs.run import ScriptRun  # takes 2 ms; imported while the run is starting

        return ScriptRun(self, record["id"], _record=record)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Start an interactive run: the current process is its script.

        The run ends with :meth:`Run.complete` or :meth:`Run.fail`, with a ``with`` block, or when the process exits.

        Args:
            *args: ignored.
            **kwargs: ``outputs`` (folder whose files are uploaded when the run completes; default ``"./outputs"``),
                ``snapshot_directory`` (folder to take a snapshot of; default ``"."``, None takes none), ``name`` or
                ``display_name``, ``run_id``, ``tags``.

        Returns:
            The run, with status ``"Running"``.

        Raises:
            SnapshotException: the snapshot cannot be taken. Pass ``snapshot_directory=None`` to skip it.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.log("accuracy", 0.9)
        """
        from trainshed.api.runs.interactive import begin, opened
        from trainshed.api.runs.run import Run

        unknown = sorted(set(kwargs) - {"outputs", "snapshot_directory", "name", "display_name", "run_id", "tags"})
        if unknown:
            raise UserErrorException(f"start_logging has no parameter '{unknown[0]}'.")
        outputs = kwargs.get("outputs")
        record = begin(
            self,
            snapshot_directory=kwargs.get("snapshot_directory", "."),
            display_name=kwargs.get("display_name") or kwargs.get("name"),
            run_id=kwargs.get("run_id"),
            tags=kwargs.get("tags"),
        )
        return opened(Run(self, record["id"], _record=record), "outputs" if outputs is None else outputs)

    def get_runs(
        self,
        type: str | None = None,
        tags: Labels = None,
        properties: Labels = None,
        include_children: bool = False,
    ) -> Iterator[RunLike]:
        """Yield the runs of the experiment, newest first.

        Args:
            type: only runs of this type, e.g. ``"azureml.scriptrun"``.
            tags: only runs with this tag, or with these tag values.
            properties: only runs with this property, or with these property values.
            include_children: include child runs.

        Example:
            >>> run.id in [found.id for found in experiment.get_runs()]
            True
        """
        from trainshed.api.runs.run import Run

        return Run.list(self, type, tags, properties, include_children=include_children)

    def runs_dataframe(self, metrics: Iterable[str] | None = None, include_children: bool = False) -> Any:
        """Return all values that the runs have logged, as a pandas DataFrame (Trainshed extension).

        Args:
            metrics: names of metrics. Default: all.
            include_children: also the child runs.

        Returns:
            One row for each value, in the order of the runs (newest first) and of logging, with the columns ``run``,
            ``metric``, ``step`` (as passed to ``run.log``, else missing), ``time`` (a Unix timestamp) and ``value``.

        Raises:
            UserErrorException: pandas is not installed.

        Example:
            >>> frame = run.experiment.runs_dataframe(["accuracy"])
            >>> frame[frame.run == run.id]["value"].tolist()
            [0.9]
        """
        from trainshed.api.data.table_files import pandas  # takes 0.3 s to import

        wanted = None if metrics is None else {metrics} if isinstance(metrics, str) else set(metrics)
        rows: Any = []
        for run in self.get_runs(include_children=include_children):
            points: Any = [(-1,)]
            while points:
                query = {"after": points[-1][0]}
                path = quoted("runs", run.id, "points")
                points = self._workspace.connection.call("GET", path, query=query)["points"]
                found = [(run.id, *each[1:]) for each in points if wanted is None or each[1] in wanted]
                rows += [row for row in found if not isinstance(row[-1], (dict, list))]
        made = pandas().DataFrame(rows, columns=["run", "metric", "step", "time", "value"])
        return made.astype({"step": "Int64"})

    @staticmethod
    def list(
        workspace: WorkspaceLike, experiment_name: str | None = None, view_type: str = "ActiveOnly", tags: Any = None
    ) -> Any:
        """Return the experiments of a workspace.

        Args:
            workspace: workspace of the experiments.
            experiment_name: only the experiment with this name.
            view_type: ``"ActiveOnly"``, ``"ArchivedOnly"`` or ``"All"``.
            tags: only experiments with this tag, or with these tag values.

        Raises:
            UserErrorException: ``view_type`` is unknown.
        """
        from trainshed.api.runs.run_tree import fits

        view = str(getattr(view_type, "value", view_type))
        if view not in _VIEWS:
            raise UserErrorException(f"Invalid view_type {view!r}. Available: {', '.join(_VIEWS)}.")
        return [
            Experiment(workspace, record["name"], _record=record)
            for record in workspace.connection.call("GET", "/experiments")["experiments"]
            if experiment_name in (None, record["name"])
            and _VIEWS[view] in (None, record["archived"] is not None)
            and fits(record["tags"], tags)
        ]

    @staticmethod
    def delete(workspace: WorkspaceLike, experiment_id: str) -> None:
        """Delete an experiment without runs.

        Raises:
            NotFoundException: the experiment does not exist.
            UserErrorException: the experiment has runs.
        """
        workspace.connection.call("DELETE", quoted("experiments", experiment_id))

    def _put(self, **changes: Any) -> None:
        self._record = self._workspace.connection.call("PUT", quoted("experiments", self._name), changes)

    def _known(self) -> dict[str, Any]:
        if not self._record:
            self._put()
        return self._record

    def refresh(self) -> None:
        """Reload the experiment's tags and state from the service."""
        self._put()

    @property
    def id(self) -> str:
        """Id of the experiment. Reading it creates the experiment if it does not exist yet."""
        return str(self._known()["id"])

    @property
    def archived_time(self) -> str | None:
        """Time when the experiment was archived, in ISO 8601, or None."""
        from trainshed.api.times import utc

        moment = self._known()["archived"]
        return None if moment is None else utc(moment)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the experiment."""
        return dict(self._known()["tags"])

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags. Other tags are kept.

        Args:
            tags: name → value. Values are converted to strings, except for None.
        """
        self._put(tags={str(key): None if value is None else str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        self._put(remove=[str(tag) for tag in tags])

    def archive(self) -> None:
        """Archive the experiment: :meth:`list` leaves it out by default. Its runs are kept."""
        self._put(archived=True)

    def reactivate(self, new_name: str | None = None) -> None:
        """Reactivate an archived experiment.

        Args:
            new_name: new name of the experiment. Default: its old name.

        Raises:
            UserErrorException: the name is invalid or already in use.
        """
        self._put(archived=False, **({"name": new_name} if new_name else {}))
        self._name = str(self._record["name"])

    def get_portal_url(self) -> str:
        """Return the URL of the web page that lists the runs, for a browser on this machine."""
        return self._workspace.page_url()

    @classmethod
    def get_docs_url(cls) -> str:
        """Return the URL of the documentation."""
        from trainshed.api.runs.run import DOCS

        return DOCS

    def _repr_html_(self) -> str:
        from html import escape

        cells = (self._name, self._workspace.name)
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        return f"<table><tr><th>Name</th><th>Workspace</th></tr><tr>{row}</tr></table>"

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and (other._name, other._workspace) == (self._name, self._workspace)

    def __hash__(self) -> int:
        return hash((self._name, self._workspace))
