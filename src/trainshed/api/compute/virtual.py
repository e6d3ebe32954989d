"""Virtual machines that SDK v1 created in Azure. Here each is one node on the service's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.compute.cluster_parts import ClusterConfiguration, SizedTarget

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
