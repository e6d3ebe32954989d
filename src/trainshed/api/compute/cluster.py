"""Compute clusters. Unless an engine is configured, their nodes are simulated on the service's machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainshed.api.compute.cluster_parts import (
    BatchAiConfiguration,
    ClusterConfiguration,
    ClusterStatus,
    ScaleSettings,
    SizedTarget,
    limit_of,
    scale_of,
)
from trainshed.client.http import quoted
from trainshed.client.notice import say

if TYPE_CHECKING:
    import builtins

    from trainshed.api.protocols import WorkspaceLike


class _Cluster(SizedTarget):
    """Base class of :class:`AmlCompute` and :class:`BatchAiCompute`."""

    @property
    def vm_priority(self) -> str:
        """VM priority. Stored and displayed, but has no effect."""
        return str(self._record.get("vm_priority") or "")

    @property
    def scale_settings(self) -> ScaleSettings:
        """Minimum and maximum number of nodes, and the idle time before scale-down."""
        return scale_of(self._record)

    def get_status(self) -> ClusterStatus:
        """Return the cluster's current status."""
        self._record = self.workspace.connection.call("GET", quoted("targets", self.name))
        return ClusterStatus._of(self._record)

    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: int = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Return immediately. Nodes need no provisioning.

        Args:
            show_output: print the same final messages as SDK v1.
            min_node_count: ignored.
            timeout_in_minutes: ignored.
            is_delete_operation: ignored.
        """
        if show_output:
            say(f"Succeeded\n{type(self).__name__} wait for completion finished\n")
            say("Minimum number of nodes requested have been provisioned")

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """Return one dict per node in use, with its state and run id."""
        runs = [run for run in self.get_active_runs() if run.get_status() not in ("NotStarted", "Queued")]
        return [
            {
                "nodeId": f"{self.name}-{index}",
                "privateIpAddress": "127.0.0.1",
                "publicIpAddress": None,
                "port": None,
                "nodeState": "running",
                "runId": run.id,
            }
            for index, run in enumerate(reversed(runs))
        ]

    def get(self) -> dict[str, Any]:
        """Return the cluster's current settings as a dict."""
        self.refresh_state()
        return self.serialize()

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change the cluster's scale settings.

        Args:
            min_nodes: minimum number of nodes; stored for display only.
            max_nodes: maximum number of nodes, and so of single-node runs at the same time.
            idle_seconds_before_scaledown: stored for display only.

        Raises:
            ComputeTargetException: the minimum or maximum is invalid.
        """
        given = {"min_nodes": min_nodes, "max_nodes": max_nodes, "idle_seconds": idle_seconds_before_scaledown}
        changes = {key: value for key, value in given.items() if value is not None}
        new = {**self._record, **changes}
        ClusterConfiguration(min_nodes=new["min_nodes"], max_nodes=new["max_nodes"])
        body = {**changes, "modified": time.time()}
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), body)

    @staticmethod
    def list_usages(
        workspace: WorkspaceLike, show_all: bool = False, location: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Return the number of used slots, and the limit, of each target.

        Args:
            workspace: workspace of the targets.
            show_all: ignored.
            location: ignored.
        """
        return [
            {"name": each["name"], "unit": "Slots", "currentValue": each["used"], "limit": limit_of(each)}
            for each in workspace.connection.call("GET", "/targets")["targets"]
        ]

    @staticmethod
    def list_quotas(workspace: WorkspaceLike, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return the slot limit of each target.

        Args:
            workspace: workspace of the targets.
            location: ignored.
        """
        used = _Cluster.list_usages(workspace)
        return [{key: value for key, value in each.items() if key != "currentValue"} for each in used]


class AmlCompute(_Cluster, kind="cluster"):
    """A compute cluster.

    If the workspace has no engine configured, the cluster's nodes are simulated on this machine: each node is a folder
    with slots, each run gets nodes of its own, and ``max_nodes`` limits how many nodes are used at the same time.

    Raises:
        ComputeTargetException: the cluster does not exist.

    Example:
        >>> config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
        >>> ComputeTarget.create(ws, "pair", config).scale_settings["maxNodeCount"]
        2
    """

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
        """Return the configuration for a new cluster.

        Parameters that are not listed here concern Azure and are ignored.

        Args:
            vm_size: stored for display only.
            vm_priority: ``"dedicated"`` or ``"lowpriority"``; stored for display only.
            min_nodes: stored for display only.
            max_nodes: maximum number of nodes in use at the same time.
            idle_seconds_before_scaledown: stored for display only.
            tags: tags of the cluster.
            description: description of the cluster.
            location: stored for display only.

        Raises:
            ComputeTargetException: ``max_nodes`` is missing, or a value is invalid.
        """
        return ClusterConfiguration(
            vm_size,
            vm_priority,
            min_nodes,
            max_nodes,
            idle_seconds_before_scaledown,
            tags=tags,
            description=description,
            compute_location=location,
        )


class BatchAiCompute(_Cluster, kind="BatchAI"):
    """A Batch AI cluster, which behaves like :class:`AmlCompute`.

    Example:
        >>> BatchAiCompute.provisioning_configuration(cluster_max_nodes=3).max_nodes
        3
    """

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
        """Return the configuration for a new cluster.

        Args:
            vm_size: stored for display only.
            vm_priority: stored for display only.
            autoscale_enabled: ignored.
            cluster_min_nodes: stored for display only.
            cluster_max_nodes: maximum number of nodes in use at the same time. Default: ``cluster_min_nodes``, but at
                least 1.
            location: stored for display only.
            tags: tags of the cluster.
            description: description of the cluster.

        Raises:
            ComputeTargetException: a value is invalid.
        """
        least = 0 if cluster_min_nodes is None else cluster_min_nodes
        most = max(least, 1) if cluster_max_nodes is None else cluster_max_nodes
        return BatchAiConfiguration(
            vm_size,
            vm_priority or "dedicated",
            least,
            most,
            tags=tags,
            description=description,
            compute_location=location,
        )
