"""The nodes of a run where they are folders of this machine: each has its snapshot, data and share of the cores."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Tuple

from trainshed.data import folder
from trainshed.errors import TrainshedError
from trainshed.node.code import materialise
from trainshed.node.datasets import Datasets
from trainshed.spec import layout
from trainshed.spec.run import DataSpec, RunSpec

_SHARED = ("outputs", "logs")


class NodeFolder:
    """One node.

    Args:
        index: its number; the first one's folder is the run directory itself.
        spec: what to run.
        node_context: the part of ``spec.json`` that describes this machine.
        run_id: the run.
        run_dir: the run directory.

    Attributes:
        name: ``"node-0"``, …
        code: the working folder.
    """

    def __init__(self, index: int, spec: RunSpec, node_context: Mapping[str, Any], run_id: str, run_dir: str) -> None:
        self.name = f"node-{index}"
        self._first = os.path.join(run_dir, layout.CODE)
        self._root = os.path.join(run_dir, layout.NODES, str(index)) if index else run_dir
        self.code = os.path.join(self._root, layout.CODE)
        self._spec = spec
        self._node_context = node_context
        self._datasets = Datasets(spec, run_id, node_context["datastores"], self._root, self.code)
        self._references: Dict[str, str] = {}

    def lay(self) -> None:
        """Lay out the snapshot and make all data ready.

        Raises:
            TrainshedError: some of it cannot be had.
        """
        materialise(self._node_context["snapshots"], self._spec.snapshot, self.code)
        for name in _SHARED:
            self._make_shared(name)
        self._references = {item.name: self._attach(item) for item in self._spec.data}
        self._datasets.attach()

    def _make_shared(self, name: str) -> None:
        """Make a folder whose files become the run's; all nodes have the first one's."""
        path, first = os.path.join(self.code, name), os.path.join(self._first, name)
        if path == first:
            os.makedirs(path, exist_ok=True)
            return
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil  # only where the snapshot has a folder of this name, which the first node has, too

            shutil.rmtree(path)
        if not os.path.lexists(path):
            os.symlink(first, path)

    def _attach(self, item: DataSpec) -> str:
        try:
            return folder.attach(item, self._store(item), self._root, self.code)
        except (OSError, TrainshedError) as error:
            raise TrainshedError(
                f"Data reference '{item.name}' could not be made ready: {error}", {"reason": "data_failed"}
            ) from error

    def _store(self, item: DataSpec) -> Dict[str, str]:
        store: Dict[str, str] = self._node_context["datastores"][item.datastore]
        return store

    @property
    def variables(self) -> Dict[str, str]:
        """What a script on this node finds in its environment about data."""
        references = {f"AZUREML_DATAREFERENCE_{name}": path for name, path in self._references.items()}
        return {**references, **self._datasets.variables}

    def arguments(self, given: Tuple[str, ...]) -> Tuple[str, ...]:
        """Return arguments with paths on this node in place of what stands for datasets.

        Args:
            given: as they were submitted.
        """
        return self._datasets.arguments(given)

    def detach(self) -> None:
        """Bring what a script has left to the datastores."""
        for item in self._spec.data:
            folder.detach(item, self._store(item), self._root, self.code)
        self._datasets.detach()


def shares(nodes: int) -> List[Tuple[int, ...]]:
    """Return the cores of each node: all of this machine's, shared out; several nodes have one where cores are few.

    Args:
        nodes: how many there are.

    Returns:
        Numbers of cores, for each node; empty where the system knows no such thing.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [()] * nodes
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < nodes:
        return [(cores[node % len(cores)],) for node in range(nodes)]
    ends = [len(cores) * node // nodes for node in range(nodes + 1)]
    return [tuple(cores[start:end]) for start, end in zip(ends, ends[1:])]
