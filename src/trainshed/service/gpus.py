"""Allocates this machine's GPUs: runs that use them have them exclusively, and wait for them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainshed.errors import WebserviceException
from trainshed.spec.run import WEBSERVICE

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Gpus:
    """The GPUs of one machine.

    A run that uses GPUs has one per process on each of its nodes, exclusively until it ends. Other runs get none and
    see only the unallocated ones. The versions of a web service share theirs, because an update would otherwise wait
    for GPUs that only its end sets free.

    Args:
        names: returns the GPUs, as ``CUDA_VISIBLE_DEVICES`` names them; called once, when first needed.

    Example:
        >>> one = {"use_gpu": True, "launcher": "single", "node_count": 1, "process_count_per_node": 1}
        >>> gpus = Gpus(lambda: ["0"])
        >>> gpus.take("first", one), gpus.take("second", one)
        (True, False)
    """

    def __init__(self, names: Callable[[], Sequence[str]] = tuple) -> None:
        self._ask = names
        self._names: tuple[str, ...] | None = None
        self._held: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The GPUs of the machine."""
        # Not a cached_property: until Python 3.12 one lock of it is for all instances, and another machine may hang.
        if self._names is None:
            self._names = tuple(self._ask())
        return self._names

    def take(self, run_id: str, spec: Mapping[str, Any]) -> bool:
        """Allocate GPUs to a run.

        Args:
            run_id: the run.
            spec: its request, as JSON.

        Returns:
            Whether it can start; if not, other runs have GPUs that it needs.

        Raises:
            WebserviceException: it is a web service, and the machine has fewer GPUs than it wants.
        """
        with self._lock:
            share = self._share(spec)
            if share is None:
                return False
            if spec.get("kind") == WEBSERVICE and share.get("taken"):
                share["service"] = spec.get("display_name")
            self._held[run_id] = share
            return True

    def _share(self, spec: Mapping[str, Any]) -> dict[str, Any] | None:
        free = self._free(spec)
        nodes, per_node = int(spec.get("node_count", 1)), wanted(spec)
        if VISIBLE in spec.get("environment_variables", {}):
            return {}
        if not per_node:
            # Set only if GPUs must be hidden, so that a lost allocation cannot hide a GPU from anyone.
            return {} if len(free) == len(self.names) else {"gpus": [free] * nodes}
        check_service(spec, self.names)
        note = _note(spec, len(self.names))
        if not self.names:
            return {"gpu_note": note} if note else {}
        if min(nodes * per_node, len(self.names)) > len(free):
            return None
        if nodes * per_node <= len(self.names):
            return {"gpus": [free[node * per_node : (node + 1) * per_node] for node in range(nodes)], "taken": True}
        return {"gpus": _spread(free, nodes), "taken": True, "gpu_note": note}

    def _free(self, spec: Mapping[str, Any]) -> list[str]:
        """Return what nobody has, after what other versions of the same web service have."""
        service = spec.get("display_name") if spec.get("kind") == WEBSERVICE and wanted(spec) else None
        shares = [share for share in self._held.values() if share.get("taken")]
        own = {name for share in shares if service and share.get("service") == service for name in _all(share)}
        taken = {name for share in shares for name in _all(share)}
        return [name for name in self.names if name in own] + [name for name in self.names if name not in taken]

    def allocation(self, run_id: str) -> dict[str, Any]:
        """Return the GPUs for a run's record: ``gpus``, those of each node, and ``gpu_note``, a warning."""
        with self._lock:
            return dict(self._held.get(run_id, {}))

    def keep(self, run_id: str, node_context: Mapping[str, Any]) -> None:
        """Restore the allocation that an earlier service made for a run.

        Args:
            run_id: the run.
            node_context: a dict with the result of :meth:`allocation`.
        """
        with self._lock:
            self._held[run_id] = {
                name: node_context[name] for name in ("gpus", "taken", "gpu_note", "service") if name in node_context
            }

    def let_go(self, run_id: str) -> None:
        """Release the GPUs of a run that has ended."""
        with self._lock:
            self._held.pop(run_id, None)


def wanted(spec: Mapping[str, Any]) -> int:
    """Return how many GPUs a run uses on each node if there are enough.

    Args:
        spec: its request, as JSON.
    """
    if spec.get("kind") == WEBSERVICE:
        return int(spec["worker_count"]) if spec.get("use_gpu") else 0
    # A container gets GPUs only if they are requested, because an engine without GPU support would fail.
    several = spec["launcher"] != "single" and not spec.get("container")
    return int(spec["process_count_per_node"]) if spec.get("use_gpu") or several else 0


def check_service(spec: Mapping[str, Any], names: Sequence[str]) -> None:
    """Check that a machine has the GPUs that a web service wants; other runs would do with fewer.

    Args:
        spec: its request, as JSON.
        names: the GPUs of the machine.

    Raises:
        WebserviceException: it has fewer.
    """
    asked = wanted(spec) if spec.get("kind") == WEBSERVICE else 0
    if asked > len(names) and VISIBLE not in spec.get("environment_variables", {}):
        raise WebserviceException(
            f"The web service '{spec.get('display_name')}' wants {asked} GPU{'s' if asked > 1 else ''} (gpu_cores of "
            f"each of its processes), and its machine has {len(names) or 'no NVIDIA GPU'}. Deploy it with fewer, or "
            "with none."
        )


def _all(share: Mapping[str, Any]) -> list[str]:
    return [str(name) for own in share["gpus"] for name in own]


def _spread(names: list[str], nodes: int) -> list[list[str]]:
    """Distribute fewer GPUs than requested: disjointly, if there is at least one for each node."""
    if len(names) < nodes:
        return [[names[node % len(names)]] for node in range(nodes)]
    ends = [len(names) * node // nodes for node in range(nodes + 1)]
    return [names[start:end] for start, end in itertools.pairwise(ends)]


def _note(spec: Mapping[str, Any], there: int) -> str:
    asked = int(spec.get("node_count", 1)) * wanted(spec)
    if there == 0 and not spec.get("use_gpu"):
        return ""  # several processes use GPUs if there are any, without having requested them
    has = f"this machine has {there or 'no NVIDIA GPU'}"
    use = "its processes share them" if there else "it runs without GPUs"
    nccl = " NCCL needs one GPU per process; gloo works without." if spec.get("backend") == "nccl" else ""
    return f"The run requests {asked} GPU{'s' if asked > 1 else ''}, and {has}: {use}.{nccl}"
