"""Runs beside and below a run: lists, page by page from the service, and children."""

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
"""Type of run → what makes its object, from its experiment and its record."""


class RunTree(RunBase):
    """Finds other runs.

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
            tags: only runs that have this tag, or these tags with these values.
            properties: likewise.
            status: only runs in this state.
            include_children: also runs that have a parent.
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
        """Yield the runs of a compute target, newest first; see :meth:`list`."""
        query = {"target": compute.name, "type": type, "status": status}
        return runs_of(compute.workspace, query, tags, properties)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Factory) -> None:
        """Have runs of a type made by a function of one's own.

        Args:
            runtype: the type.
            run_factory: called with the experiment and the run's record (a dict).

        Raises:
            ValueError: no type, or nothing that can be called.
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
        """Yield its children, newest first.

        Args:
            recursive: and theirs.
            tags: only runs that have this tag, or these tags with these values.
            properties: likewise.
            type: only runs of this type.
            status: only runs in this state.

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
    """Yield runs, newest first.

    Args:
        workspace: where they are.
        query: parameters of ``GET /runs``.
        tags: only runs that have this tag, or these tags with these values.
        properties: likewise.

    Raises:
        UserErrorException: a state that does not exist.
    """
    if query.get("status") not in (None, *_STATES):
        raise UserErrorException(f"There is no status {query['status']!r}. Available: {', '.join(_STATES)}.")
    before: int | None = None
    while True:
        asked = {**query, "limit": _PAGE, "before": before, "tag": _first(tags)}
        page = workspace.connection.call("GET", "/runs", query=asked)["runs"]
        for record in page:
            if fits(record["tags"], tags) and fits(record["properties"], properties):
                yield workspace.run_of(record)
        if len(page) < _PAGE:
            return
        before = page[-1]["seq"]


def _first(tags: Labels) -> str | None:
    """Return one tag for the service to filter by; the rest is done here."""
    if not tags:
        return None
    if isinstance(tags, str):
        return tags
    key, value = next(iter(tags.items()))
    return key if value is None else f"{key}={value}"


def fits(there: Mapping[str, str], wanted: Labels) -> bool:
    """Tell whether labels have what is wanted of them: a key, or keys with their values.

    Example:
        >>> fits({"stage": "trial"}, {"stage": None}), fits({"stage": "trial"}, "year")
        (True, False)
    """
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in there
    return all(key in there and value in (None, there[key]) for key, value in wanted.items())
