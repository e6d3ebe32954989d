"""Machines and clusters that SDK v1 created in Azure. Here each is one node on the service's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.compute.cluster_parts import ClusterConfiguration, SizedTarget
from trainshed.errors import ComputeTargetException

if TYPE_CHECKING:
    import builtins

    from trainshed.api.protocols import WorkspaceLike


class _MachineConfiguration(ClusterConfiguration):
    """Configuration of one node."""

    def _created(self, name: str) -> str:
        return f"'{name}' is this machine, on which it runs one run at a time; no virtual machine is created."


class DsvmConfiguration(_MachineConfiguration):
    """Configuration for a new :class:`DsvmCompute`."""

    TYPE = "DSVM"


class InstanceConfiguration(_MachineConfiguration):
    """Configuration for a new :class:`ComputeInstance`."""

    TYPE = "ComputeInstance"


class AksConfiguration(ClusterConfiguration):
    """Configuration for a new or attached :class:`AksCompute`."""

    TYPE = "AKS"

    def _created(self, name: str) -> str:
        return f"'{name}' is this machine, on which web services run; no Kubernetes cluster is used."


class DsvmCompute(SizedTarget, kind=DsvmConfiguration.TYPE):
    """A Data Science Virtual Machine of SDK v1. Here it is one node on this machine.

    To use a machine that exists, attach it: :class:`RemoteCompute`.

    Raises:
        ComputeTargetException: it does not exist.

    Example:
        >>> config = DsvmCompute.provisioning_configuration(vm_size="Standard_D2_v2")
        >>> DsvmCompute.create(ws, name="mydsvm", provisioning_configuration=config).type
        'VirtualMachine'
    """

    def __init__(self, workspace: WorkspaceLike, name: str, **_: Any) -> None:
        super().__init__(workspace, name)
        self.type = "VirtualMachine"

    @staticmethod
    def provisioning_configuration(
        vm_size: str | None = None, ssh_port: int | None = None, location: str | None = None
    ) -> DsvmConfiguration:
        """Return the configuration for a new one.

        Args:
            vm_size: stored for display only.
            ssh_port: ignored.
            location: stored for display only.
        """
        return DsvmConfiguration(vm_size or "", max_nodes=1, compute_location=location)


class InstanceStatus:
    """Status of a :class:`ComputeInstance`.

    Args:
        state: its state, which is always ``"Running"``.

    Example:
        >>> InstanceStatus("Running").state
        'Running'
    """

    def __init__(self, state: str) -> None:
        self.state = state
        self.errors: builtins.list[Any] = []

    def serialize(self) -> dict[str, Any]:
        """Return the status as a JSON-serializable dict."""
        return {"state": self.state, "errors": self.errors}


class ComputeInstance(SizedTarget, kind=InstanceConfiguration.TYPE):
    """A compute instance of SDK v1. Here it is one node on this machine.

    Raises:
        ComputeTargetException: it does not exist.

    Example:
        >>> config = ComputeInstance.provisioning_configuration(vm_size="STANDARD_D3_V2")
        >>> ComputeTarget.create(ws, "my-instance", config).get_status().state
        'Running'
    """

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        **azure: Any,
    ) -> InstanceConfiguration:
        """Return the configuration for a new one.

        Parameters that are not listed here concern Azure and are ignored.

        Args:
            vm_size: stored for display only.
            tags: its tags.
            description: its description.
        """
        return InstanceConfiguration(vm_size, max_nodes=1, tags=tags, description=description)

    def get_status(self) -> InstanceStatus:
        """Return the status: it is always running."""
        return InstanceStatus("Running")

    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing: it is this machine.

        Args:
            wait_for_completion: ignored.
            show_output: ignored.
        """

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing: it is this machine, and costs nothing while no run uses it.

        Args:
            wait_for_completion: ignored.
            show_output: ignored.
        """

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Do nothing: it is this machine.

        Args:
            wait_for_completion: ignored.
            show_output: ignored.
        """


class AksCompute(SizedTarget, kind=AksConfiguration.TYPE):
    """A Kubernetes cluster of SDK v1 for web services. Here it is this machine.

    Raises:
        ComputeTargetException: it does not exist.

    Example:
        >>> config = AksCompute.provisioning_configuration(cluster_purpose=AksCompute.ClusterPurpose.DEV_TEST)
        >>> ComputeTarget.create(ws, "my-aks", config).type
        'AKS'
    """

    class ClusterPurpose:
        """What a cluster is for. It has no effect."""

        FAST_PROD = "FastProd"
        DEV_TEST = "DevTest"

    @staticmethod
    def provisioning_configuration(
        agent_count: int | None = None, vm_size: str | None = None, **azure: Any
    ) -> AksConfiguration:
        """Return the configuration for a new one.

        Args:
            agent_count: ignored.
            vm_size: stored for display only.
            azure: SDK v1's other parameters, such as ``cluster_purpose`` and ``ssl_cname``; ignored.
        """
        return AksConfiguration(vm_size or "", max_nodes=1, compute_location=azure.get("location"))

    @staticmethod
    def attach_configuration(
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        cluster_purpose: str | None = None,
        **azure: Any,
    ) -> AksConfiguration:
        """Return the configuration for one that exists in Azure. Here it is this machine, too.

        Args:
            resource_group: ignored, as all others.
            cluster_name: ignored.
            resource_id: ignored.
            cluster_purpose: ignored.
            azure: SDK v1's other parameters; ignored.
        """
        return AksConfiguration(max_nodes=1)

    def get_credentials(self) -> NoReturn:
        """Raise an error: there is no cluster to log in to.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(
            f"'{self.name}' has no credentials: it is this machine. The keys of a web service: service.get_keys()."
        )
