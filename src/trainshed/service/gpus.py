"""Who has which of this machine's GPUs: runs that use them have them for themselves, and wait for them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Gpus:
    """The GPUs of one machine.

    A run that uses GPUs has as many on each of its nodes as it has processes there, and nobody else has them until it
    has ended. Any other run is given none, and sees those that nobody has.

    Args:
        names: returns the GPUs, as ``CUDA_VISIBLE_DEVICES`` names them; asked once, when that is needed first.

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
        """Give a run its GPUs.

        Args:
            run_id: the run.
            spec: what it asks for, as JSON.

        Returns:
            Whether it can start; otherwise others have GPUs that it needs.
        """
        with self._lock:
            share = self._share(spec)
            if share is None:
                return False
            self._held[run_id] = share
            return True

    def _share(self, spec: Mapping[str, Any]) -> dict[str, Any] | None:
        free = self._free()
        nodes, per_node = int(spec.get("node_count", 1)), wanted(spec)
        if VISIBLE in spec.get("environment_variables", {}):
            return {}
        if not per_node:
            # Said only where there is something to hide: nobody loses a GPU by our having forgotten one.
            return {} if len(free) == len(self.names) else {"gpus": [free] * nodes}
        note = _note(spec, len(self.names))
        if not self.names:
            return {"gpu_note": note} if note else {}
        if min(nodes * per_node, len(self.names)) > len(free):
            return None
        if nodes * per_node <= len(self.names):
            return {"gpus": [free[node * per_node : (node + 1) * per_node] for node in range(nodes)], "taken": True}
        return {"gpus": _spread(free, nodes), "taken": True, "gpu_note": note}

    def _free(self) -> list[str]:
        taken = {name for share in self._held.values() if share.get("taken") for own in share["gpus"] for name in own}
        return [name for name in self.names if name not in taken]

    def allocation(self, run_id: str) -> dict[str, Any]:
        """Return what a run's record says of GPUs: ``gpus``, those of each node, and ``gpu_note``, a warning."""
        with self._lock:
            return dict(self._held.get(run_id, {}))

    def keep(self, run_id: str, node_context: Mapping[str, Any]) -> None:
        """Take up what an earlier service gave to a run.

        Args:
            run_id: the run.
            node_context: as :meth:`allocation` gave it, with whatever else.
        """
        with self._lock:
            self._held[run_id] = {
                name: node_context[name] for name in ("gpus", "taken", "gpu_note") if name in node_context
            }

    def let_go(self, run_id: str) -> None:
        """Take back the GPUs of a run that has ended."""
        with self._lock:
            self._held.pop(run_id, None)


def wanted(spec: Mapping[str, Any]) -> int:
    """Return how many GPUs a run takes on each node where there are enough.

    Args:
        spec: what it asks for, as JSON.
    """
    # A container has GPUs inside only where they are asked for: an engine without support for them would refuse.
    several = spec["launcher"] != "single" and not spec.get("container")
    return int(spec["process_count_per_node"]) if spec.get("use_gpu") or several else 0


def _spread(names: list[str], nodes: int) -> list[list[str]]:
    """Share out fewer GPUs than were asked for: disjointly, as long as there is one for each node."""
    if len(names) < nodes:
        return [[names[node % len(names)]] for node in range(nodes)]
    ends = [len(names) * node // nodes for node in range(nodes + 1)]
    return [names[start:end] for start, end in itertools.pairwise(ends)]


def _note(spec: Mapping[str, Any], there: int) -> str:
    asked = int(spec.get("node_count", 1)) * wanted(spec)
    if there == 0 and not spec.get("use_gpu"):
        return ""  # several processes take GPUs where there are some, and nobody has asked for them
    has = f"this machine has {there or 'no NVIDIA GPU'}"
    use = "its processes share them" if there else "it runs without"
    nccl = " NCCL needs one for each process; gloo does without." if spec.get("backend") == "nccl" else ""
    return f"The run asks for {asked} GPU{'s' if asked > 1 else ''}, and {has}: {use}.{nccl}"
