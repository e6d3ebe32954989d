"""Machines reached over SSH: what v1 asked is checked, and one sentence says what there is instead until they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.compute.compute import ComputeTarget
from trainshed.errors import ComputeTargetException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_WHY = "machines reached over SSH are planned for a later release; until then runs run where the service runs"


def unavailable(kind: str, why: str) -> ComputeTargetException:
    """Return the error for a kind of target that cannot be used here.

    Args:
        kind: name of its class.
        why: a clause.
    """
    return ComputeTargetException(f"{kind} cannot be used here: {why}.")


class UnavailableConfiguration:
    """The description of a target that cannot be used here; making or attaching it raises.

    Args:
        kind: name of the target's class.
        why: why it cannot be made, as a clause.
        settings: what was asked for; passwords are not kept.
    """

    def __init__(self, kind: str, why: str, settings: Mapping[str, Any]) -> None:
        self._error = unavailable(kind, why)
        self.__dict__.update({key: value for key, value in settings.items() if "pass" not in key})

    def _create(self, workspace: WorkspaceLike, name: str) -> NoReturn:
        raise self._error


class RemoteCompute(ComputeTarget):
    """A machine reached over SSH.

    Example:
        >>> RemoteCompute.attach_configuration("me", address="192.0.2.1").address
        '192.0.2.1'
    """

    def get_credentials(self) -> NoReturn:
        """Raise: nothing is kept of how to sign in.

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
    ) -> UnavailableConfiguration:
        """Say which machine.

        Args:
            username: user there.
            address: its address; instead of it ``resource_id``, or subscription, group and name, were given in v1.
            ssh_port: port of its SSH server.
            password: of the user.
            private_key_file: instead of a password.
            private_key_passphrase: of the key.

        Raises:
            ComputeTargetException: nothing tells which machine.
        """
        if not (address or resource_id or (subscription_id and resource_group and vm_name)):
            raise ComputeTargetException(
                "RemoteCompute: the machine is missing. Pass its address, e.g. address='192.0.2.1'."
            )
        settings = {"username": username, "address": address, "ssh_port": ssh_port, "resource_id": resource_id}
        return UnavailableConfiguration("RemoteCompute", _WHY, settings)

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
        """Attach a machine, in the way of 2018.

        Raises:
            ComputeTargetException: always, in this release.
        """
        return RemoteCompute.attach_configuration(username, address=address)._create(workspace, name)
