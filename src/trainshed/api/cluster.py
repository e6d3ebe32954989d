"""Clusters: so many nodes, of which each run takes its own; without an engine, folders and slots of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.compute import ComputeTarget
from trainshed.api.details import utc
from trainshed.api.notice import say, warn
from trainshed.client.http import quoted
from trainshed.errors import ComputeTargetException

if TYPE_CHECKING:
    import builtins

    from trainshed.api.workspace import Workspace

_PRIORITIES = ("dedicated", "lowpriority")


class ClusterConfiguration:
    """What a cluster is to be like; :meth:`ComputeTarget.create` makes it.

    Args:
        compute_type: v1's name of the kind.
        vm_size: kept for display.
        vm_priority: ``"dedicated"`` or ``"lowpriority"``; kept for display.
        nodes: least and most nodes.
        more: further settings: ``idle_seconds``, ``tags``, ``description``, ``location``.

    Raises:
        ComputeTargetException: numbers of nodes or a priority that cannot be.
    """

    def __init__(
        self, compute_type: str, vm_size: str, vm_priority: str, nodes: tuple[int, int | None], more: Mapping[str, Any]
    ) -> None:
        least, most = nodes
        if most is None:
            raise ComputeTargetException("Say how many nodes the cluster may have: max_nodes=4.")
        for name, value, low in (("min_nodes", least, 0), ("max_nodes", most, 1)):
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ComputeTargetException(f"{name} is {value!r}; give a whole number of at least {low}.")
        if least > most:
            raise ComputeTargetException(
                f"min_nodes is {least} and max_nodes {most}; give a max_nodes that is not smaller."
            )
        if vm_priority not in _PRIORITIES:
            raise ComputeTargetException(f"vm_priority is {vm_priority!r}; it is one of {', '.join(_PRIORITIES)}.")
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

    def _create(self, workspace: Workspace, name: str) -> ComputeTarget:
        now = time.time()
        record = {**self._record, "created": now, "modified": now}
        made = workspace.connection.call("PUT", quoted("targets", name), record)
        warn(
            f"Cluster '{name}': its nodes are folders and slots of this machine, of which up to {self.max_nodes} are "
            f"used at once; vm_size {self.vm_size or 'unset'} is kept for display."
        )
        return ComputeTarget(workspace, name, _record={**made, "used": 0})


class ClusterStatus:
    """The state of a cluster.

    Args:
        record: the target's record.

    Attributes:
        current_node_count: nodes there are now.
        target_node_count: nodes there are to be.
        node_state_counts: how many of them are in which state.
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
        """Return it as a dict of JSON types, under v1's names."""
        return {
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": dict(self.node_state_counts),
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.modified_time,
            "creationTime": self.creation_time,
            "currentNodeCountTransitionTime": self.modified_time,
            "errors": self.errors,
            "provisioningState": self.provisioning_state,
            "scaleSettings": dict(self.scale_settings),
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }

    def __repr__(self) -> str:
        return f"ClusterStatus({self.serialize()})"


class _Cluster(ComputeTarget):
    """What the clusters of 2018 and of later have in common."""

    TYPE = ""

    @property
    def vm_size(self) -> str:
        """Kept for display."""
        return str(self._record.get("vm_size") or "")

    @property
    def vm_priority(self) -> str:
        """Kept for display."""
        return str(self._record.get("vm_priority") or "")

    @property
    def scale_settings(self) -> dict[str, Any]:
        """Least and most nodes, and how long an idle node is kept."""
        return ClusterStatus(self._record).scale_settings

    def get_status(self) -> ClusterStatus:
        """Return its state as of now."""
        self._record = self.workspace.connection.call("GET", quoted("targets", self.name))
        return ClusterStatus(self._record)

    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: int = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Return at once: nodes of this machine are there when they are needed.

        Args:
            show_output: print what v1 printed at the end.
            min_node_count: accepted and not used.
            timeout_in_minutes: accepted and not used.
            is_delete_operation: accepted and not used.
        """
        if show_output:
            say(f"Succeeded\n{type(self).__name__} wait for completion finished\n")
            say("Minimum number of nodes requested have been provisioned")

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """Return the nodes that are in use: a dict each, with the run that has it."""
        runs = [run for run in self.get_active_runs() if run.get_status() not in ("NotStarted", "Queued")]
        return [
            {
                "nodeId": f"{self.name}-{place}",
                "privateIpAddress": "127.0.0.1",
                "publicIpAddress": None,
                "port": None,
                "nodeState": "running",
                "runId": run.id,
            }
            for place, run in enumerate(reversed(runs))
        ]

    def get(self) -> dict[str, Any]:
        """Return it as a dict, read anew."""
        self.refresh_state()
        return self.serialize()

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change its scale.

        Args:
            min_nodes: least nodes.
            max_nodes: most nodes: so many runs of one node run at once.
            idle_seconds_before_scaledown: kept for display.

        Raises:
            ComputeTargetException: numbers that cannot be.
        """
        given = {"min_nodes": min_nodes, "max_nodes": max_nodes, "idle_seconds": idle_seconds_before_scaledown}
        wanted = {key: value for key, value in given.items() if value is not None}
        now = {**self._record, **wanted}
        ClusterConfiguration(self.TYPE, "", "dedicated", (now["min_nodes"], now["max_nodes"]), {})
        changes = {**wanted, "modified": time.time()}
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), changes)

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return the sizes of machines there are: this one.

        Args:
            workspace: accepted and not used.
            location: accepted and not used.
        """
        return [this_machine()]

    @staticmethod
    def list_usages(
        workspace: Workspace, show_all: bool = False, location: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Return how much is in use of what there is: the slots of each target.

        Args:
            workspace: the workspace.
            show_all: accepted and not used.
            location: accepted and not used.
        """
        return [
            {"name": each["name"], "unit": "Slots", "currentValue": each["used"], "limit": _limit(each)}
            for each in workspace.connection.call("GET", "/targets")["targets"]
        ]

    @staticmethod
    def list_quotas(workspace: Workspace, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return how much there is of what: the slots of each target.

        Args:
            workspace: the workspace.
            location: accepted and not used.
        """
        targets = workspace.connection.call("GET", "/targets")["targets"]
        return [{"name": each["name"], "unit": "Slots", "limit": _limit(each)} for each in targets]

    @staticmethod
    def update_quotas(
        workspace: Workspace, vm_family: Any, limit: int | None = None, location: str | None = None
    ) -> Any:
        """Refuse: nobody sets quotas here.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(
            "There are no quotas here; cluster.update(max_nodes=…) bounds what a cluster takes."
        )

    def add_identity(self, identity_type: str, identity_id: Any = None) -> Any:
        """Refuse: runs are the user's own, with the user's rights.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(
            "Runs have the rights of the user who started the service; identities need v1's cloud."
        )

    def remove_identity(self, identity_id: Any = None) -> Any:
        """Refuse; see :meth:`add_identity`.

        Raises:
            ComputeTargetException: always.
        """
        self.add_identity("None")


class AmlCompute(_Cluster):
    """A cluster.

    On a workspace with no engine configured its nodes are folders and slots of this machine: each run has a node of its
    own, and ``max_nodes`` bounds how many run at once.

    Args:
        workspace: the workspace.
        name: its name.

    Raises:
        ComputeTargetException: there is none of this name.
    """

    TYPE = "AmlCompute"

    @staticmethod
    def provisioning_configuration(
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
        location: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> ClusterConfiguration:
        """Say what a cluster is to be like.

        Args:
            vm_size: kept for display.
            vm_priority: ``"dedicated"`` or ``"lowpriority"``; kept for display.
            min_nodes: kept for display.
            max_nodes: how many nodes are in use at most.
            idle_seconds_before_scaledown: kept for display.
            admin_username: this and what else concerns a cloud is accepted and not used.
            tags: its labels.
            description: what it is for.
            location: kept for display.

        Raises:
            ComputeTargetException: no ``max_nodes``, or values that cannot be.
        """
        more = {
            "idle_seconds": idle_seconds_before_scaledown,
            "tags": tags,
            "description": description,
            "location": location,
        }
        return ClusterConfiguration(AmlCompute.TYPE, vm_size, vm_priority, (min_nodes, max_nodes), more)


class BatchAiCompute(_Cluster):
    """The cluster of 2018; see :class:`AmlCompute`.

    Args:
        workspace: the workspace.
        name: its name.
    """

    TYPE = "BatchAI"

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "",
        autoscale_enabled: bool | None = None,
        cluster_min_nodes: int | None = None,
        cluster_max_nodes: int | None = None,
        location: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
    ) -> ClusterConfiguration:
        """Say what a cluster is to be like.

        Args:
            vm_size: kept for display.
            vm_priority: kept for display.
            autoscale_enabled: accepted and not used.
            cluster_min_nodes: kept for display.
            cluster_max_nodes: how many nodes are in use at most; as many as the least, or 1, if None.
            location: kept for display.
            tags: its labels.
            description: what it is for.

        Raises:
            ComputeTargetException: values that cannot be.
        """
        least = 0 if cluster_min_nodes is None else cluster_min_nodes
        most = max(least, 1) if cluster_max_nodes is None else cluster_max_nodes
        more = {"location": location, "tags": tags, "description": description}
        return ClusterConfiguration(BatchAiCompute.TYPE, vm_size, vm_priority or "dedicated", (least, most), more)

    @staticmethod
    def attach(workspace: Workspace, name: str, resource_id: str) -> ComputeTarget:  # type: ignore[override]
        """Refuse: Batch AI is gone.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(
            "Batch AI is gone. Make a cluster of this machine's nodes: ComputeTarget.create(…)."
        )


def _limit(record: Mapping[str, Any]) -> int:
    return int(record["max_nodes"] if record["kind"] == "cluster" else record["slots"])


def this_machine() -> dict[str, Any]:
    """Return what this machine has, in the form of v1's sizes of machines."""
    folder = "/proc/driver/nvidia/gpus"
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    disk = os.statvfs(os.path.expanduser("~"))
    return {
        "name": "LOCAL",
        "vCPUs": os.cpu_count() or 1,
        "gpus": len(os.listdir(folder)) if os.path.isdir(folder) else 0,
        "memoryGB": round(pages / (1 << 30), 1),
        "maxResourceVolumeMB": disk.f_bavail * disk.f_frsize >> 20,
    }
