"""Cluster configuration and status, and the hardware of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.section import camel
from trainshed.api.times import utc
from trainshed.client.http import quoted
from trainshed.client.notice import warn
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.spec.checks import is_name
from trainshed.spec.shape import check_scale
from trainshed.system.gpus import inventory

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_PRIORITIES = ("dedicated", "lowpriority")


class ClusterConfiguration:
    """Configuration for a new cluster; pass it to :meth:`ComputeTarget.create`.

    Args:
        compute_type: compute type in SDK v1, e.g. ``"AmlCompute"``.
        vm_size: stored for display only.
        vm_priority: ``"dedicated"`` or ``"lowpriority"``; stored for display only.
        nodes: minimum and maximum number of nodes.
        more: further settings: ``idle_seconds``, ``tags``, ``description``, ``location``.

    Raises:
        ComputeTargetException: a number of nodes or the priority is invalid.

    Example:
        >>> AmlCompute.provisioning_configuration(min_nodes=1, max_nodes=4).max_nodes
        4
    """

    def __init__(
        self, compute_type: str, vm_size: str, vm_priority: str, nodes: tuple[int, int | None], more: Mapping[str, Any]
    ) -> None:
        least, most = nodes
        if most is None:
            raise ComputeTargetException(
                "The cluster's maximum number of nodes is missing. Pass max_nodes, e.g. max_nodes=4."
            )
        check_scale(least, most, ComputeTargetException)
        if vm_priority not in _PRIORITIES:
            raise ComputeTargetException(f"Invalid vm_priority {vm_priority!r}. Available: {', '.join(_PRIORITIES)}.")
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.min_nodes = least
        self.max_nodes = most
        self._record = {
            "kind": "cluster",
            "compute_type": compute_type,
            "vm_size": vm_size or "",
            "vm_priority": vm_priority,
            "min_nodes": least,
            "max_nodes": most,
            "idle_seconds": 1800,
            **{key: value for key, value in more.items() if value is not None},
        }

    def _create(self, workspace: WorkspaceLike, name: str) -> ComputeTarget:
        if not isinstance(name, str) or not is_name(name):
            raise UserErrorException(f"Invalid cluster name {name!r}. Use letters, digits, '-' and '_'.")
        now = time.time()
        record = {**self._record, "created": now, "modified": now}
        created = workspace.connection.call("PUT", quoted("targets", name), record)
        size = f" vm_size '{self.vm_size}' has no effect." if self.vm_size else ""
        warn(
            f"Cluster '{name}' uses this machine and creates no VMs. Its nodes are folders and slots here; up to "
            f"{self.max_nodes} are used at once.{size}"
        )
        return ComputeTarget(workspace, name, _record={**created, "used": 0})


class ClusterStatus:
    """Status of a cluster.

    Attributes:
        current_node_count: current number of nodes.
        target_node_count: number of nodes after scaling; the same as ``current_node_count``.
        node_state_counts: node state → number of nodes.

    Example:
        >>> ClusterStatus({"used": 1, "min_nodes": 0, "max_nodes": 2}).node_state_counts["runningNodeCount"]
        1
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        running = min(int(record.get("used") or 0), record["max_nodes"])
        states = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
        self.current_node_count = self.target_node_count = max(running, record["min_nodes"])
        self.node_state_counts = {f"{state}NodeCount": 0 for state in states}
        self.node_state_counts["runningNodeCount"] = running
        self.node_state_counts["idleNodeCount"] = self.current_node_count - running
        self.allocation_state = "Steady"
        self.provisioning_state = "Succeeded"
        self.vm_size = record.get("vm_size")
        self.vm_priority = record.get("vm_priority")
        self.errors: list[Any] | None = None
        self.creation_time = utc(float(record.get("created") or 0))
        self.modified_time = utc(float(record.get("modified") or 0))
        self.scale_settings = {
            "minNodeCount": record["min_nodes"],
            "maxNodeCount": record["max_nodes"],
            "nodeIdleTimeBeforeScaleDown": f"PT{record.get('idle_seconds', 1800)}S",
        }

    def serialize(self) -> dict[str, Any]:
        """Return the status as a JSON-serializable dict with SDK v1's keys."""
        status = {camel(name): value for name, value in vars(self).items() if name != "modified_time"}
        transition_times = ("allocationStateTransitionTime", "currentNodeCountTransitionTime")
        return {**status, **dict.fromkeys(transition_times, self.modified_time)}

    def __repr__(self) -> str:
        return f"ClusterStatus({self.serialize()})"


def limit_of(record: Mapping[str, Any]) -> int:
    """Return the number of slots of the target with this record."""
    return int(record["max_nodes"] if record["kind"] == "cluster" else record["slots"])


def this_machine() -> dict[str, Any]:
    """Return the CPU, GPU, memory and disk sizes of this machine in the format of an SDK v1 VM size."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    disk = os.statvfs(os.path.expanduser("~"))
    return {
        "name": "LOCAL",
        "vCPUs": os.cpu_count() or 1,
        "gpus": len(inventory(os.environ)),
        "memoryGB": round(memory / (1 << 30), 1),
        "maxResourceVolumeMB": disk.f_bavail * disk.f_frsize >> 20,
    }
