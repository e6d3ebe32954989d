"""Remote machines reached over SSH. Not supported yet: attaching one raises an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.compute.compute import (
    ComputeTarget,
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
)
from trainshed.errors import ComputeTargetException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_WHY = "machines reached over SSH are planned for a later release; until then runs run where the service runs"


def unavailable(kind: str, why: str) -> ComputeTargetException:
    """Return the exception for a kind of target that is not supported.

    Args:
        kind: class name of the target.
        why: reason, as a clause.
    """
    return ComputeTargetException(f"{kind} cannot be used here: {why}.")


class UnavailableConfiguration(ComputeTargetProvisioningConfiguration, ComputeTargetAttachConfiguration):
    """Configuration of a target that is not supported; creating or attaching the target raises an error.

    Args:
        kind: class name of the target.
        why: reason, as a clause.
        settings: settings, which become attributes; passwords are left out.
    """

    def __init__(self, kind: str, why: str, settings: Mapping[str, Any]) -> None:
        ComputeTargetProvisioningConfiguration.__init__(self, kind, settings.get("location"))
        self._error = unavailable(kind, why)
        self.__dict__.update({key: value for key, value in settings.items() if "pass" not in key})

    def _create(self, workspace: WorkspaceLike, name: str) -> NoReturn:
        raise self._error


class RemoteComputeAttachConfiguration(UnavailableConfiguration):
    """Configuration for attaching a machine, as returned by :meth:`RemoteCompute.attach_configuration`.

    Raises:
        ComputeTargetException: the machine is not specified.
    """

    def __init__(
        self,
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> None:
        if not (address or resource_id or (subscription_id and resource_group and vm_name)):
            raise ComputeTargetException(
                "RemoteCompute: the machine is missing. Pass its address, e.g. address='192.0.2.1'."
            )
        settings = {"username": username, "address": address, "ssh_port": ssh_port, "resource_id": resource_id}
        super().__init__("RemoteCompute", _WHY, settings)


class RemoteCompute(ComputeTarget):
    """A remote machine reached over SSH. Not supported yet.

    Example:
        >>> RemoteCompute.attach_configuration("me", address="192.0.2.1").address
        '192.0.2.1'
    """

    def get_credentials(self) -> NoReturn:
        """Raise an error: no credentials are stored.

        Raises:
            ComputeTargetException: always.
        """
        raise unavailable("RemoteCompute", _WHY)

    @staticmethod
    def attach_configuration(
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> RemoteComputeAttachConfiguration:
        """Return the configuration for attaching a machine.

        Args:
            username: user name on the machine.
            subscription_id: Azure subscription of the VM; with ``resource_group`` and ``vm_name``, an alternative to
                ``address``.
            resource_group: resource group of the VM.
            vm_name: name of the VM.
            resource_id: Azure resource id of the VM; an alternative to ``address``.
            address: host name or IP address.
            ssh_port: port of the SSH server.
            password: password of the user.
            private_key_file: path of a private key, as an alternative to ``password``.
            private_key_passphrase: passphrase of the private key.

        Raises:
            ComputeTargetException: the machine is not specified.
        """
        return RemoteComputeAttachConfiguration(
            username,
            subscription_id,
            resource_group,
            vm_name,
            resource_id,
            address,
            ssh_port,
            password,
            private_key_file,
            private_key_passphrase,
        )

    @staticmethod
    def attach(  # type: ignore[override]
        workspace: WorkspaceLike,
        name: str,
        username: str,
        address: str,
        ssh_port: int | str = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> ComputeTarget:
        """Attach a machine. Not supported yet.

        Raises:
            ComputeTargetException: always.
        """
        return RemoteCompute.attach_configuration(username, address=address)._create(workspace, name)
