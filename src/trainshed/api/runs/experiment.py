"""An experiment: a name under which runs are gathered, and the way to submit one."""

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
    """Runs that belong together. It comes into being with its first run.

    Args:
        workspace: where its runs are kept.
        name: letters, digits, ``_`` and ``-``; 1 to 255, the first a letter or digit.
        **kwargs: further keywords of v1, not used.

    Raises:
        UserErrorException: a name that cannot be used.

    Example:
        >>> run = Experiment(ws, "diabetes").submit(estimator)
    """

    def __init__(
        self, workspace: WorkspaceLike | None = None, name: str = "", _skip_name_validation: bool = False, **kwargs: Any
    ) -> None:
        if workspace is None and "workspace_object" in kwargs:
            warn("Experiment has no parameter 'workspace_object' (v1 had none either); it is treated as 'workspace'.")
            workspace = kwargs["workspace_object"]
        # Of the class: asking the object itself would start its service.
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
        """Its workspace."""
        return self._workspace

    @property
    def workspace_object(self) -> WorkspaceLike:
        """Its workspace, under the name of 2018."""
        return self._workspace

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    def submit(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> ScriptRun:
        """Submit a run: everything is checked first, then the source folder is sent, then the run is queued.

        When this returns, the run is on disk: it will be run whatever happens to this program or to the service.

        Args:
            config: an Estimator or a ScriptRunConfig.
            tags: labels of the run.
            **kwargs: for an Estimator: ``script_params``, ``inputs``, ``source_directory_data_store`` replace its own.
                For all (ours): ``priority`` (int, higher starts first) and ``slots`` (int, of the target's queue).

        Returns:
            The run.

        Raises:
            UserErrorException: something to submit that is none, or no such folder, script, datastore.
            TrainingException: settings that contradict each other.
            ComputeTargetException: no such target.
            SnapshotException: the source folder cannot be sent.

        Example:
            >>> run = experiment.submit(estimator, tags={"stage": "trial"}, priority=1)
        """
        from trainshed.api.training.submission import send  # only a submit needs it

        record = send(self._workspace, self._name, config, tags or {}, kwargs)
        from trainshed.api.runs.run import ScriptRun  # 2 ms, while the run starts

        return ScriptRun(self, record["id"], _record=record)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Begin an interactive run: this program is its script.

        It ends with :meth:`Run.complete` or :meth:`Run.fail`, at the end of a ``with`` block, or with the program.

        Args:
            *args: accepted and not used.
            **kwargs: ``outputs`` (folder whose files become the run's; ``"./outputs"``), ``snapshot_directory`` (folder
                to keep a snapshot of, ``"."``; None: none), ``name`` or ``display_name``, ``run_id``, ``tags``.

        Returns:
            The run, Running.

        Raises:
            SnapshotException: the folder cannot be kept; ``snapshot_directory=None`` goes without.

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
        """Yield the runs, newest first.

        Args:
            type: only runs of this type, e.g. ``"azureml.scriptrun"``.
            tags: only runs that have this tag, or these tags with these values.
            properties: likewise for properties.
            include_children: also runs that have a parent.

        Example:
            >>> run.id in [found.id for found in experiment.get_runs()]
            True
        """
        from trainshed.api.runs.run import Run

        return Run.list(self, type, tags, properties, include_children=include_children)

    @staticmethod
    def list(
        workspace: WorkspaceLike, experiment_name: str | None = None, view_type: str = "ActiveOnly", tags: Any = None
    ) -> Any:
        """Return the experiments of a workspace.

        Args:
            workspace: where to look.
            experiment_name: only the one of this name.
            view_type: ``"ActiveOnly"``, ``"ArchivedOnly"`` or ``"All"``.
            tags: only those that have this tag, or these tags with these values.

        Raises:
            UserErrorException: another view.
        """
        from trainshed.api.runs.run_tree import fits

        view = str(getattr(view_type, "value", view_type))
        if view not in _VIEWS:
            raise UserErrorException(f"view_type is {view!r}. Available: {', '.join(_VIEWS)}.")
        return [
            Experiment(workspace, record["name"], _record=record)
            for record in workspace.connection.call("GET", "/experiments")["experiments"]
            if experiment_name in (None, record["name"])
            and _VIEWS[view] in (None, record["archived"] is not None)
            and fits(record["tags"], tags)
        ]

    @staticmethod
    def delete(workspace: WorkspaceLike, experiment_id: str) -> None:
        """Delete an experiment that has no runs.

        Raises:
            NotFoundException: no such experiment.
            UserErrorException: it has runs.
        """
        workspace.connection.call("DELETE", quoted("experiments", experiment_id))

    def _put(self, **changes: Any) -> None:
        self._record = self._workspace.connection.call("PUT", quoted("experiments", self._name), changes)

    def _known(self) -> dict[str, Any]:
        if not self._record:
            self._put()
        return self._record

    def refresh(self) -> None:
        """Read its labels again."""
        self._put()

    @property
    def id(self) -> str:
        """Its id; asking for it makes the experiment, if it has no run yet."""
        return str(self._known()["id"])

    @property
    def archived_time(self) -> str | None:
        """When it was put away, or None."""
        from trainshed.api.times import utc

        moment = self._known()["archived"]
        return None if moment is None else utc(moment)

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return dict(self._known()["tags"])

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay.

        Args:
            tags: name → value, made a string; None stays None.
        """
        self._put(tags={str(key): None if value is None else str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        self._put(remove=[str(tag) for tag in tags])

    def archive(self) -> None:
        """Put it away: it is not listed any more unless asked for. Its runs stay."""
        self._put(archived=True)

    def reactivate(self, new_name: str | None = None) -> None:
        """Take it out again.

        Raises:
            UserErrorException: the name cannot be used, or is another's.
        """
        self._put(archived=False, **({"name": new_name} if new_name else {}))
        self._name = str(self._record["name"])

    def get_portal_url(self) -> str:
        """Return the URL of the page of runs, for a browser on this machine."""
        return self._workspace.page_url()

    @classmethod
    def get_docs_url(cls) -> str:
        """Return where experiments are described."""
        from trainshed.api.runs.run import DOCS

        return DOCS

    def _repr_html_(self) -> str:
        from html import escape

        cells = (self._name, self._workspace.name)
        told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        return f"<table><tr><th>Name</th><th>Workspace</th></tr><tr>{told}</tr></table>"

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and (other._name, other._workspace) == (self._name, self._workspace)

    def __hash__(self) -> int:
        return hash((self._name, self._workspace))
