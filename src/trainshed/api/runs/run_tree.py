"""Queries for runs: by experiment, by compute target, and by parent run."""

from __future__ import annotations

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from trainshed.api.protocols import ExperimentLike, Labels, RunLike, TargetLike, WorkspaceLike

    Factory = Callable[[Any, dict[str, Any]], Any]

_PAGE = 100
_STATES = sorted(states.ALL)

factories: dict[str, Factory] = {}
"""Type of run → function that creates the run object from an experiment and a record."""


class RunTree(RunBase):
    """Mixin that lists runs and child runs.

    Example:
        >>> run.id in [each.id for each in Run.list(experiment)]
        True
    """

    @staticmethod
    def list(
        experiment: ExperimentLike,
        type: str | None = None,
        tags: Labels = None,
        properties: Labels = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[RunLike]:
        """Yield the runs of an experiment, newest first.

        Args:
            experiment: the experiment.
            type: only runs of this type.
            tags: only runs with this tag, or with these tag values.
            properties: only runs with this property, or with these property values.
            status: only runs with this status.
            include_children: include child runs.
        """
        query = {"experiment": experiment.name, "type": type, "status": status, "top": None if include_children else 1}
        return runs_of(experiment.workspace, query, tags, properties)

    @staticmethod
    def list_by_compute(
        compute: TargetLike,
        type: str | None = None,
        tags: Labels = None,
        properties: Labels = None,
        status: str | None = None,
    ) -> Iterator[RunLike]:
        """Yield the runs of a compute target, newest first. See :meth:`list` for the parameters."""
        query = {"target": compute.name, "type": type, "status": status}
        return runs_of(compute.workspace, query, tags, properties)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Factory) -> None:
        """Register a function that creates the run objects of a type.

        Args:
            runtype: type of run.
            run_factory: function called with the experiment and the run's record (a dict).

        Raises:
            ValueError: ``runtype`` is empty, or ``run_factory`` is not callable.
        """
        if not runtype or not callable(run_factory):
            raise ValueError("add_type_provider needs the name of a type and a function that creates a run.")
        factories[runtype] = run_factory

    def get_children(
        self,
        recursive: bool = False,
        tags: Labels = None,
        properties: Labels = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[RunLike]:
        """Yield the child runs, newest first.

        Args:
            recursive: include all descendants.
            tags: only runs with this tag, or with these tag values.
            properties: only runs with this property, or with these property values.
            type: only runs of this type.
            status: only runs with this status.

        Example:
            >>> folds = run.create_children(tag_key="fold", tag_values=["1", "2"])
            >>> sorted(child.tags["fold"] for child in run.get_children(tags="fold"))
            ['1', '2']
        """
        query = {"ancestor" if recursive else "parent": self._id, "type": type, "status": status}
        return runs_of(self._experiment.workspace, query, tags, properties)


def runs_of(
    workspace: WorkspaceLike, query: Mapping[str, Any], tags: Labels = None, properties: Labels = None
) -> Iterator[RunLike]:
    """Yield the runs of a workspace that match a query, newest first.

    Args:
        workspace: workspace of the runs.
        query: query parameters of ``GET /runs``.
        tags: only runs with this tag, or with these tag values.
        properties: only runs with this property, or with these property values.

    Raises:
        UserErrorException: the status in the query is unknown.
    """
    if query.get("status") not in (None, *_STATES):
        raise UserErrorException(f"There is no status {query['status']!r}. Available: {', '.join(_STATES)}.")
    before: int | None = None
    while True:
        page_query = {**query, "limit": _PAGE, "before": before, "tag": _first(tags)}
        page = workspace.connection.call("GET", "/runs", query=page_query)["runs"]
        for record in page:
            if fits(record["tags"], tags) and fits(record["properties"], properties):
                yield workspace.run_of(record)
        if len(page) < _PAGE:
            return
        before = page[-1]["seq"]


def _first(tags: Labels) -> str | None:
    """Return one tag for the service to filter by; the other tags are filtered by the client."""
    if not tags:
        return None
    if isinstance(tags, str):
        return tags
    key, value = next(iter(tags.items()))
    return key if value is None else f"{key}={value}"


def fits(labels: Mapping[str, str], wanted: Labels) -> bool:
    """Return whether tags or properties match a filter.

    Args:
        labels: the tags or properties.
        wanted: a required key, or required keys with their values, as strings (None accepts any value).

    Example:
        >>> fits({"stage": "trial"}, {"stage": None}), fits({"stage": "trial"}, "year")
        (True, False)
    """
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in labels
    return all(key in labels and (value is None or str(value) == labels[key]) for key, value in wanted.items())
