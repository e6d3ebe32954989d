"""Clusters: so many nodes, of which each run takes its own; without an engine, folders and slots of this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainshed.api.compute.cluster_parts import ClusterConfiguration, ClusterStatus, limit_of, this_machine
from trainshed.api.compute.compute import ComputeTarget
from trainshed.client.http import quoted
from trainshed.client.notice import say

if TYPE_CHECKING:
    import builtins

    from trainshed.api.protocols import WorkspaceLike


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
    def supported_vmsizes(workspace: WorkspaceLike, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return the sizes of machines there are: this one."""
        return [this_machine()]

    @staticmethod
    def list_usages(
        workspace: WorkspaceLike, show_all: bool = False, location: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Return how much is in use of what there is: the slots of each target."""
        return [
            {"name": each["name"], "unit": "Slots", "currentValue": each["used"], "limit": limit_of(each)}
            for each in workspace.connection.call("GET", "/targets")["targets"]
        ]

    @staticmethod
    def list_quotas(workspace: WorkspaceLike, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return how much there is of what: the slots of each target."""
        used = _Cluster.list_usages(workspace)
        return [{key: value for key, value in each.items() if key != "currentValue"} for each in used]


class AmlCompute(_Cluster, kind="cluster"):
    """A cluster.

    On a workspace with no engine configured its nodes are folders and slots of this machine: each run has a node of its
    own, and ``max_nodes`` bounds how many run at once.

    Raises:
        ComputeTargetException: there is none of this name.

    Example:
        >>> config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
        >>> ComputeTarget.create(ws, "pair", config).scale_settings["maxNodeCount"]
        2
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


class BatchAiCompute(_Cluster, kind="BatchAI"):
    """The cluster of 2018; see :class:`AmlCompute`.

    Example:
        >>> BatchAiCompute.provisioning_configuration(cluster_max_nodes=3).max_nodes
        3
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
