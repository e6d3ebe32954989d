"""Targets of v1 that are elsewhere: their rules are checked, and one sentence says what there is instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.compute.compute import ComputeTarget
from trainshed.errors import ComputeTargetException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_SSH = "machines reached over SSH come with a later release; until then runs run where the service does"
_KUBERNETES = "Kubernetes comes with a later release; until then make a cluster of this machine's nodes (AmlCompute)"
_CLOUD = "it is a service of v1's cloud; make a cluster of this machine's nodes instead (AmlCompute)"


class ElsewhereConfiguration:
    """What an attached target would be like."""

    def __init__(self, kind: str, why: str, settings: dict[str, Any]) -> None:
        self._sentence = f"{kind} cannot be used here: {why}."
        self.__dict__.update({key: value for key, value in settings.items() if "pass" not in key})

    def _create(self, workspace: WorkspaceLike, name: str) -> NoReturn:
        raise ComputeTargetException(self._sentence)


class _Elsewhere(ComputeTarget):
    """A target that cannot be used here."""

    _why = _CLOUD

    @classmethod
    def provisioning_configuration(cls, *_: Any, **settings: Any) -> ElsewhereConfiguration:
        """Say what it is to be like; making it raises."""
        return ElsewhereConfiguration(cls.__name__, cls._why, settings)

    @classmethod
    def attach_configuration(cls, *_: Any, **settings: Any) -> ElsewhereConfiguration:
        """Say what it is like; attaching it raises."""
        return ElsewhereConfiguration(cls.__name__, cls._why, settings)

    def get_credentials(self) -> NoReturn:
        """Refuse.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(f"{type(self).__name__} cannot be used here: {self._why}.")


class RemoteCompute(_Elsewhere):
    """A machine reached over SSH."""

    _why = _SSH

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
    ) -> ElsewhereConfiguration:
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
            raise ComputeTargetException("RemoteCompute: say which machine, e.g. address='192.0.2.1'.")
        settings = {"username": username, "address": address, "ssh_port": ssh_port, "resource_id": resource_id}
        return ElsewhereConfiguration("RemoteCompute", _SSH, settings)

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


class DsvmCompute(_Elsewhere):
    """A virtual machine of v1's cloud."""

    @staticmethod
    def provisioning_configuration(
        vm_size: str | None = None, ssh_port: int | None = None, location: str | None = None
    ) -> ElsewhereConfiguration:
        """Say what machine it is to be; making it raises."""
        return ElsewhereConfiguration("DsvmCompute", _CLOUD, {"vm_size": vm_size})


class KubernetesCompute(_Elsewhere):
    """A Kubernetes cluster."""

    _why = _KUBERNETES

    @staticmethod
    def attach_configuration(
        resource_id: str | None = None,
        namespace: str | None = None,
        identity_type: str | None = None,
        identity_ids: Any = None,
    ) -> ElsewhereConfiguration:
        """Say which cluster; attaching it raises."""
        return ElsewhereConfiguration("KubernetesCompute", _KUBERNETES, {"namespace": namespace})


class AksCompute(_Elsewhere):
    """Kubernetes of v1's cloud."""


class AdlaCompute(_Elsewhere):
    """A service of v1's cloud."""


class BatchCompute(_Elsewhere):
    """A service of v1's cloud."""


class ComputeInstance(_Elsewhere):
    """A virtual machine of v1's cloud."""


class DatabricksCompute(_Elsewhere):
    """A service of v1's cloud."""


class DataFactoryCompute(_Elsewhere):
    """A service of v1's cloud."""


class HDInsightCompute(_Elsewhere):
    """A service of v1's cloud."""


class SynapseCompute(_Elsewhere):
    """A service of v1's cloud."""
