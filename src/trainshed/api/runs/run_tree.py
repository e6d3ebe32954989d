"""Runs beside and below a run: lists and children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.runs.run_base import RunBase
from trainshed.api.runs.run_list import Factory, factories, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run


class RunTree(RunBase):
    """Finds other runs."""

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
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
        compute: ComputeTarget,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
    ) -> Iterator[Run]:
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
            raise ValueError("add_type_provider takes the name of a type and a function that makes a run.")
        factories[runtype] = run_factory

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """Yield its children, newest first.

        Args:
            recursive: and theirs.
            tags: only runs that have this tag, or these tags with these values.
            properties: likewise.
            type: only runs of this type.
            status: only runs in this state.
        """
        query = {"ancestor" if recursive else "parent": self._id, "type": type, "status": status}
        return runs_of(self._experiment.workspace, query, tags, properties)
