"""The nodes of a run that are folders of this machine: each has its snapshot, data and share of the cores."""

from __future__ import annotations

import os

from trainshed.data import folder
from trainshed.errors import TYPE_CHECKING, TrainshedError
from trainshed.node.code import LateCheck, materialise
from trainshed.node.datasets import Datasets, Downloads
from trainshed.spec import layout
from trainshed.spec.run import DataSpec, RunSpec
from trainshed.system.files import sync_file_system

if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

_SHARED = ("outputs", "logs")


class NodeFolder:
    """One node.

    Args:
        index: its number; the folder of the first one is the run directory itself.
        spec: what to run.
        node_context: the part of ``spec.json`` that describes this machine.
        run_id: the run.
        run_dir: the run directory.
        number: of the node, if this machine is only one of several; else ``index`` is.

    Attributes:
        name: ``"node-0"``, …
        code: the working folder.
    """

    def __init__(
        self, index: int, spec: RunSpec, node_context: Mapping[str, Any], run_id: str, run_dir: str, number: int = 0
    ) -> None:
        self.name = f"node-{index or number}"
        self._first = os.path.join(run_dir, layout.CODE)
        self._root = os.path.join(run_dir, layout.NODES, str(index)) if index else run_dir
        self.code = os.path.join(self._root, layout.CODE)
        self._spec = spec
        self._node_context = node_context
        fetch = Downloads(str(node_context["home"]), os.path.join(run_dir, layout.BUILD_LOG))
        self._datasets = Datasets(spec, run_id, node_context["datastores"], self._root, self.code, fetch)
        self._references: Dict[str, str] = {}

    def lay(self) -> Optional[LateCheck]:
        """Write the snapshot and make all data available; return what checks a large snapshot.

        Raises:
            TrainshedError: some data is not available.
        """
        check = materialise(self._node_context["snapshots"], self._spec.snapshot, self.code)
        for name in _SHARED:
            self._make_shared(name)
        self._references = {item.name: self._attach(item) for item in self._spec.data}
        self._datasets.attach()
        return check

    def _make_shared(self, name: str) -> None:
        """Create a folder that all nodes share: it is the first node's, and its files belong to the run."""
        path, first = os.path.join(self.code, name), os.path.join(self._first, name)
        if path == first:
            os.makedirs(path, mode=0o700, exist_ok=True)
            return
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil  # only if the snapshot contains a folder of this name, which the first node then has too

            shutil.rmtree(path)
        if not os.path.lexists(path):
            os.symlink(first, path)

    def _attach(self, item: DataSpec) -> str:
        try:
            return folder.attach(item, self._store(item), self._root, self.code)
        except (OSError, TrainshedError) as error:
            raise TrainshedError(
                f"Data reference '{item.name}' could not be made available: {error}", {"reason": "data_failed"}
            ) from error

    def _store(self, item: DataSpec) -> Dict[str, str]:
        store: Dict[str, str] = self._node_context["datastores"][item.datastore]
        return store

    @property
    def variables(self) -> Dict[str, str]:
        """Environment variables about data for a script on this node."""
        references = {f"AZUREML_DATAREFERENCE_{name}": path for name, path in self._references.items()}
        return {**references, **self._datasets.variables}

    def arguments(self, given: Tuple[str, ...]) -> Tuple[str, ...]:
        """Return arguments with placeholders for datasets replaced by paths on this node.

        Args:
            given: the submitted arguments.
        """
        return self._datasets.arguments(given)

    def detach(self) -> None:
        """Copy the script's outputs to the datastores.

        Raises:
            TrainshedError: they cannot be copied.
        """
        try:
            for item in self._spec.data:
                folder.detach(item, self._store(item), self._root, self.code)
            copied = self._datasets.detach()
            copied += [self._store(item)["path"] for item in self._spec.data if item.mode == "upload"]
            for place in {os.stat(each).st_dev: each for each in copied if os.path.isdir(each)}.values():
                sync_file_system(place)  # Completed means that they survive a power failure
        except (OSError, TrainshedError) as error:
            message = f"The run's outputs could not be copied to their datastore: {error}"
            raise TrainshedError(message, {"reason": "upload_failed"}) from error


def shares(nodes: int) -> List[Tuple[int, ...]]:
    """Return the cores of each node: all cores of this machine, distributed; nodes share cores if there are too few.

    Args:
        nodes: the number of nodes.

    Returns:
        Core numbers for each node; empty if the system does not support core affinity.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [()] * nodes
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < nodes:
        return [(cores[node % len(cores)],) for node in range(nodes)]
    ends = [len(cores) * node // nodes for node in range(nodes + 1)]
    return [tuple(cores[start:end]) for start, end in zip(ends, ends[1:])]
