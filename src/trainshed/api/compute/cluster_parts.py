"""Cluster configuration and status, and the hardware of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.compute.compute import ComputeTarget, ComputeTargetProvisioningConfiguration
from trainshed.api.section import camel
from trainshed.api.times import utc
from trainshed.client.http import quoted
from trainshed.client.notice import warn
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.spec.checks import is_name
from trainshed.spec.shape import check_scale
from trainshed.system.gpus import inventory

if TYPE_CHECKING:
    import builtins

    from trainshed.api.protocols import WorkspaceLike

_PRIORITIES = ("dedicated", "lowpriority")


class ClusterConfiguration(ComputeTargetProvisioningConfiguration):
    """Configuration for a new cluster; pass it to :meth:`ComputeTarget.create`.

    Parameters that are not listed here concern Azure and are ignored.

    Args:
        vm_size: stored for display only.
        vm_priority: ``"dedicated"`` or ``"lowpriority"``; stored for display only.
        min_nodes: minimum number of nodes; stored for display only.
        max_nodes: maximum number of nodes in use at the same time.
        idle_seconds_before_scaledown: stored for display only.
        tags: tags of the cluster.
        description: description of the cluster.
        compute_location: stored for display only.

    Raises:
        ComputeTargetException: a number of nodes or the priority is invalid.

    Example:
        >>> AmlCompute.provisioning_configuration(min_nodes=1, max_nodes=4).max_nodes
        4
    """

    TYPE = "AmlCompute"

    def __init__(
        self,
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: str | None = None,
        identity_id: Any = None,
        compute_location: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> None:
        super().__init__(self.TYPE, compute_location)
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.min_nodes = min_nodes
        self.max_nodes = max_nodes
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown
        self.tags = tags
        self.description = description
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the number of nodes and the priority.

        Raises:
            ComputeTargetException: one of them is invalid.
        """
        if self.max_nodes is None:
            raise ComputeTargetException(
                "The cluster's maximum number of nodes is missing. Pass max_nodes, e.g. max_nodes=4."
            )
        check_scale(self.min_nodes, self.max_nodes, ComputeTargetException)
        if self.vm_priority not in _PRIORITIES:
            available = ", ".join(_PRIORITIES)
            raise ComputeTargetException(f"Invalid vm_priority {self.vm_priority!r}. Available: {available}.")

    def _record(self) -> dict[str, Any]:
        more = {
            "idle_seconds": self.idle_seconds_before_scaledown,
            "tags": self.tags,
            "description": self.description,
            "location": self.location,
        }
        return {
            "kind": "cluster",
            "compute_type": self.TYPE,
            "vm_size": self.vm_size or "",
            "vm_priority": self.vm_priority,
            "min_nodes": self.min_nodes,
            "max_nodes": self.max_nodes,
            **{key: value for key, value in more.items() if value is not None},
        }

    def _create(self, workspace: WorkspaceLike, name: str) -> ComputeTarget:
        if not isinstance(name, str) or not is_name(name):
            raise UserErrorException(f"Invalid cluster name {name!r}. Use letters, digits, '-' and '_'.")
        now = time.time()
        record = {**self._record(), "created": now, "modified": now}
        created = workspace.connection.call("PUT", quoted("targets", name), record)
        size = f" vm_size '{self.vm_size}' has no effect." if self.vm_size else ""
        if "stands_for" in created:
            warn(f"Cluster '{name}' stands for target '{created['stands_for']}' here, and its runs run there.{size}")
            return ComputeTarget(workspace, name, _record=created)
        warn(f"{self._created(name)}{size}")
        return ComputeTarget(workspace, name, _record={**created, "used": 0})

    def _created(self, name: str) -> str:
        return (
            f"Cluster '{name}' uses this machine and creates no VMs. Its nodes are folders and slots here; up to "
            f"{self.max_nodes} are used at once."
        )


class BatchAiConfiguration(ClusterConfiguration):
    """Configuration for a new Batch AI cluster, which becomes a cluster like any other."""

    TYPE = "BatchAI"


class ScaleSettings(dict[str, Any]):
    """Scale settings of a cluster: a dict with SDK v1's keys, whose values are attributes, too.

    Args:
        minimum_node_count: minimum number of nodes.
        maximum_node_count: maximum number of nodes.
        idle_seconds_before_scaledown: idle time after which a node is released.

    Example:
        >>> ScaleSettings(0, 4, 1800)["maxNodeCount"]
        4
    """

    def __init__(self, minimum_node_count: int, maximum_node_count: int, idle_seconds_before_scaledown: int) -> None:
        idle = f"PT{idle_seconds_before_scaledown}S"
        super().__init__(
            minNodeCount=minimum_node_count, maxNodeCount=maximum_node_count, nodeIdleTimeBeforeScaleDown=idle
        )
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> dict[str, Any]:
        """Return the settings as a JSON-serializable dict."""
        return dict(self)

    @staticmethod
    def deserialize(object_dict: Mapping[str, Any]) -> ScaleSettings:
        """Return the settings described by a result of :meth:`serialize`."""
        idle = str(object_dict["nodeIdleTimeBeforeScaleDown"])
        return ScaleSettings(object_dict["minNodeCount"], object_dict["maxNodeCount"], int(idle.strip("PTS")))


class NodeStateCounts(dict[str, Any]):
    """Number of nodes in each state: a dict with SDK v1's keys, whose values are attributes, too.

    Args:
        idle_node_count: nodes without a run.
        leaving_node_count: always 0, as all that follow.
        preempted_node_count: nodes that were taken away.
        preparing_node_count: nodes that are being prepared.
        running_node_count: nodes with a run.
        unusable_node_count: nodes that cannot be used.

    Example:
        >>> NodeStateCounts(1, 0, 0, 0, 2, 0).running_node_count
        2
    """

    def __init__(
        self,
        idle_node_count: int,
        leaving_node_count: int,
        preempted_node_count: int,
        preparing_node_count: int,
        running_node_count: int,
        unusable_node_count: int,
    ) -> None:
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count
        super().__init__({camel(name): count for name, count in vars(self).items()})

    def serialize(self) -> dict[str, Any]:
        """Return the counts as a JSON-serializable dict."""
        return dict(self)

    @staticmethod
    def deserialize(object_dict: Mapping[str, Any]) -> NodeStateCounts:
        """Return the counts described by a result of :meth:`serialize`."""
        states = ("idle", "leaving", "preempted", "preparing", "running", "unusable")
        return NodeStateCounts(*(object_dict.get(f"{state}NodeCount", 0) for state in states))


class ClusterStatus:
    """Status of a cluster.

    Attributes:
        current_node_count: current number of nodes.
        target_node_count: number of nodes after scaling; the same as ``current_node_count``.
        node_state_counts: node state → number of nodes.

    Example:
        >>> ClusterStatus(current_node_count=2).serialize()["currentNodeCount"]
        2
    """

    def __init__(
        self,
        allocation_state: str | None = None,
        allocation_state_transition_time: str | None = None,
        creation_time: str | None = None,
        current_node_count: int | None = None,
        errors: list[Any] | None = None,
        modified_time: str | None = None,
        node_state_counts: NodeStateCounts | None = None,
        provisioning_state: str | None = None,
        provisioning_state_transition_time: str | None = None,
        scale_settings: ScaleSettings | None = None,
        target_node_count: int | None = None,
        vm_priority: str | None = None,
        vm_size: str | None = None,
    ) -> None:
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    @classmethod
    def _of(cls, record: Mapping[str, Any]) -> ClusterStatus:
        """Return the status of the cluster with this record."""
        running = min(int(record.get("used") or 0), record["max_nodes"])
        nodes = max(running, record["min_nodes"])
        modified = utc(float(record.get("modified") or 0))
        return cls(
            allocation_state="Steady",
            allocation_state_transition_time=modified,
            creation_time=utc(float(record.get("created") or 0)),
            current_node_count=nodes,
            modified_time=modified,
            node_state_counts=NodeStateCounts(nodes - running, 0, 0, 0, running, 0),
            provisioning_state="Succeeded",
            scale_settings=scale_of(record),
            target_node_count=nodes,
            vm_priority=record.get("vm_priority"),
            vm_size=record.get("vm_size"),
        )

    def serialize(self) -> dict[str, Any]:
        """Return the status as a JSON-serializable dict with SDK v1's keys."""
        status = {
            camel(name): dict(value) if isinstance(value, dict) else value
            for name, value in vars(self).items()
            if name != "modified_time"
        }
        return {**status, "currentNodeCountTransitionTime": self.modified_time}

    @staticmethod
    def deserialize(object_dict: Mapping[str, Any]) -> ClusterStatus:
        """Return the status described by a result of :meth:`serialize`.

        Args:
            object_dict: result of :meth:`serialize`.

        Example:
            >>> ClusterStatus.deserialize({"vmSize": "STANDARD_D2_V2"}).vm_size
            'STANDARD_D2_V2'
        """
        status = ClusterStatus(modified_time=object_dict.get("currentNodeCountTransitionTime"))
        for name in vars(status).keys() - {"modified_time"}:
            setattr(status, name, object_dict.get(camel(name)))
        if status.node_state_counts is not None:
            status.node_state_counts = NodeStateCounts.deserialize(status.node_state_counts)
        if status.scale_settings is not None:
            status.scale_settings = ScaleSettings.deserialize(status.scale_settings)
        return status

    def __repr__(self) -> str:
        return f"ClusterStatus({self.serialize()})"


def scale_of(record: Mapping[str, Any]) -> ScaleSettings:
    """Return the scale settings of the cluster with this record."""
    return ScaleSettings(record["min_nodes"], record["max_nodes"], record.get("idle_seconds", 1800))


def limit_of(record: Mapping[str, Any]) -> int:
    """Return the number of slots of the target with this record."""
    return int(record["max_nodes"] if record["kind"] == "cluster" else record["slots"])


class SizedTarget(ComputeTarget):
    """Base class of the targets whose machines have a size in Azure."""

    @property
    def vm_size(self) -> str:
        """VM size. Stored and displayed, but has no effect."""
        return str(self._record.get("vm_size") or "")

    @staticmethod
    def supported_vmsizes(workspace: WorkspaceLike, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return the available VM sizes: one entry, describing this machine.

        Args:
            workspace: ignored.
            location: ignored.
        """
        return [this_machine()]


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
