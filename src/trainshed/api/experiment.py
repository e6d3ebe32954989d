"""An experiment: a name under which runs are gathered, and the way to submit one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.run import Run, ScriptRun
from trainshed.errors import UserErrorException
from trainshed.spec.checks import check_experiment_name

if TYPE_CHECKING:
    from trainshed.api.workspace import Workspace

_PAGE = 100


class Experiment:
    """Runs that belong together. It comes into being with its first run.

    Args:
        workspace: where its runs are kept.
        name: letters, digits, ``_`` and ``-``; 1 to 255, the first a letter or digit.
        **kwargs: further keywords of v1, not used.

    Raises:
        UserErrorException: a name that cannot be used.

    Example:
        >>> run = Experiment(ws, "diabetes").submit(estimator)  # doctest: +SKIP
    """

    def __init__(self, workspace: Workspace, name: str, _skip_name_validation: bool = False, **kwargs: Any) -> None:
        # Of the class: asking the object itself would start its service.
        if not hasattr(type(workspace), "connection"):
            raise UserErrorException(
                f"Experiment: the first parameter must be a Workspace, not {type(workspace).__name__}; "
                "e.g. Experiment(Workspace.from_config(), 'my-experiment')."
            )
        self._workspace = workspace
        self._name = check_experiment_name(name)

    @staticmethod
    def _attach(workspace: Workspace, run_id: str) -> Run:
        """Return a run by its id alone."""
        record = workspace.connection.call("GET", Run._path(run_id))
        return ScriptRun(Experiment(workspace, record["experiment"]), record["id"], _record=record)

    @property
    def workspace(self) -> Workspace:
        """Its workspace."""
        return self._workspace

    @property
    def workspace_object(self) -> Workspace:
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
            >>> run = experiment.submit(estimator, tags={"stage": "trial"}, priority=1)  # doctest: +SKIP
        """
        from trainshed.api.submission import send  # only a submit needs it

        return send(self, config, tags or {}, kwargs)

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
            >>> with experiment.start_logging(snapshot_directory=None) as run:  # doctest: +SKIP
            ...     run.log("accuracy", 0.9)
        """
        from trainshed.api.interactive import begin

        unknown = sorted(set(kwargs) - {"outputs", "snapshot_directory", "name", "display_name", "run_id", "tags"})
        if unknown:
            raise UserErrorException(f"start_logging has no parameter '{unknown[0]}'.")
        outputs = kwargs.get("outputs")
        return begin(
            self,
            snapshot_directory=kwargs.get("snapshot_directory", "."),
            display_name=kwargs.get("display_name") or kwargs.get("name"),
            run_id=kwargs.get("run_id"),
            tags=kwargs.get("tags"),
            outputs="outputs" if outputs is None else outputs,
        )

    def get_runs(
        self,
        type: str | None = None,
        tags: str | Mapping[str, str] | None = None,
        properties: str | Mapping[str, str] | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Yield the runs, newest first.

        Args:
            type: only runs of this type, e.g. ``"azureml.scriptrun"``.
            tags: only runs that have this tag, or these tags with these values.
            properties: likewise for properties.
            include_children: also runs that have a parent.
        """
        before: int | None = None
        while True:
            query = {"experiment": self._name, "limit": _PAGE, "before": before, "tag": _first_tag(tags)}
            page = self._workspace.connection.call("GET", "/runs", query=query)["runs"]
            for record in page:
                fits = _fits(record["tags"], tags) and _fits(record["properties"], properties)
                if fits and type in (None, record["kind"]) and (include_children or record["parent"] is None):
                    yield ScriptRun(self, record["id"], _record=record)
            if len(page) < _PAGE:
                return
            before = page[-1]["seq"]

    @staticmethod
    def list(
        workspace: Workspace, experiment_name: str | None = None, view_type: str = "ActiveOnly", tags: Any = None
    ) -> Any:
        """Return the experiments of a workspace.

        Args:
            workspace: where to look.
            experiment_name: only the one of this name.
            view_type: accepted and not used.
            tags: accepted and not used.
        """
        return [each for name, each in workspace.experiments.items() if experiment_name in (None, name)]

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and (other._name, other._workspace) == (self._name, self._workspace)

    def __hash__(self) -> int:
        return hash((self._name, self._workspace))


def _first_tag(tags: str | Mapping[str, str] | None) -> str | None:
    """Return one tag for the service to filter by; the rest is done here."""
    if not tags:
        return None
    if isinstance(tags, str):
        return tags
    key, value = next(iter(tags.items()))
    return f"{key}={value}"


def _fits(there: Mapping[str, str], wanted: str | Mapping[str, str] | None) -> bool:
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in there
    return all(there.get(key) == str(value) for key, value in wanted.items())
