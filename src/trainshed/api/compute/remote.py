"""Machines reached over SSH, by the user's own OpenSSH."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.compute.compute import (
    ComputeTarget,
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
    MachineTarget,
)
from trainshed.client.http import quoted
from trainshed.client.notice import say, warn
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.spec.checks import is_name

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_FILES_HERE = ("key", "config", "archive")


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


class SshConfiguration(ComputeTargetAttachConfiguration):
    """Configuration for attaching a machine; pass it to :meth:`ComputeTarget.attach`.

    Args:
        settings: of the target; those that are None are left out.

    Example:
        >>> SshConfiguration({"host": "gpu1", "slots": 2}).settings["host"]
        'gpu1'
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__("VirtualMachine")
        self.settings = {key: value for key, value in settings.items() if value not in (None, "")}

    def _create(self, workspace: WorkspaceLike, name: str) -> ComputeTarget:
        if not isinstance(name, str) or not is_name(name):
            raise UserErrorException(f"Invalid target name {name!r}. Use letters, digits, '-' and '_'.")
        now = time.time()
        files = {
            key: os.path.abspath(os.path.expanduser(self.settings[key])) for key in _FILES_HERE & self.settings.keys()
        }
        wanted = {"kind": "ssh", "created": now, "modified": now, **self.settings, **files}
        record = check(workspace, name, wanted)["target"]
        return ComputeTarget(workspace, name, _record=record)


def check(workspace: WorkspaceLike, name: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Connect to a target's machine, and print what takes its time.

    Args:
        workspace: workspace of the target.
        name: name of the target.
        settings: of a target that is created, or changed, if its machine answers. Default: the target as it is.

    Returns:
        ``{"facts": what the machine has}``, with settings also ``"target"``, the target's record.

    Raises:
        ComputeTargetException: the machine cannot be used; the message says what to mend.
    """
    said = "connecting"
    while True:
        answer: dict[str, Any] = workspace.connection.call(
            "POST", f"{quoted('targets', name)}/check", dict(settings or {})
        )
        if "facts" in answer:
            return answer
        if answer["doing"] != said:
            said = answer["doing"]
            say(f"{name}: {said}")


class RemoteComputeAttachConfiguration(SshConfiguration):
    """Configuration for attaching a machine, as returned by :meth:`RemoteCompute.attach_configuration`.

    Raises:
        ComputeTargetException: the address is missing, or a password is given.
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
        if not address:
            named = " of the virtual machine" if resource_id or vm_name or (subscription_id and resource_group) else ""
            raise ComputeTargetException(f"RemoteCompute: pass the address{named}, e.g. address='192.0.2.1'.")
        if password:
            raise ComputeTargetException(
                "RemoteCompute: passwords are not supported, because they would have to be stored. Log in with a "
                f"key: ssh-keygen makes one, 'ssh-copy-id -p {ssh_port} {username}@{address}' brings it to the "
                "machine; then leave the password out."
            )
        if private_key_passphrase:
            warn(
                "RemoteCompute: the passphrase of a key is not stored. Have your ssh-agent open the key: ssh-add "
                f"{private_key_file or ''}".rstrip()
            )
        port = int(ssh_port)
        super().__init__(
            {
                "compute_type": "VirtualMachine",
                "host": address,
                "user": username,
                "port": None if port == 22 else port,
                "key": private_key_file,
            }
        )


class RemoteCompute(MachineTarget, kind="VirtualMachine"):
    """A machine that is reached over SSH.

    Raises:
        ComputeTargetException: there is no such target.

    Example:
        >>> RemoteCompute.attach_configuration("me", address="192.0.2.1").settings["host"]
        '192.0.2.1'
    """

    def __init__(self, workspace: WorkspaceLike, name: str, **kwargs: Any) -> None:
        super().__init__(workspace, name, **kwargs)
        self.is_attached = True
        self.provisioning_errors = self._record.get("error")
        self.address = str(self._record["host"])
        self.ssh_port = int(self._record.get("port") or 22)
        self.username = self._record.get("user")

    def detach(self) -> None:
        """Remove the target from the workspace. What its runs have left on the machine stays there.

        Raises:
            ComputeTargetException: it has unfinished runs.
        """
        self.delete()

    def get_credentials(self) -> NoReturn:
        """Raise an error: no credentials are stored.

        Raises:
            ComputeTargetException: always.
        """
        raise unavailable(type(self).__name__, "OpenSSH and its agent have the keys, and nothing of them is stored")

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
            subscription_id: of a virtual machine of Azure, which has to be given by its address here.
            resource_group: likewise.
            vm_name: likewise.
            resource_id: likewise.
            address: host name, IP address, or a host of your ssh configuration.
            ssh_port: port of the SSH server.
            password: not supported; log in with a key.
            private_key_file: path of a private key. Default: the keys that OpenSSH uses.
            private_key_passphrase: not stored; add the key to your ssh-agent.

        Raises:
            ComputeTargetException: the address is missing, or a password is given.

        Example:
            >>> RemoteCompute.attach_configuration("me", address="192.0.2.1", ssh_port=2222).settings["port"]
            2222
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
        """Attach a machine.

        Args:
            workspace: workspace of the target.
            name: name of the target.
            username: user name on the machine.
            address: as for :meth:`attach_configuration`.
            ssh_port: port of the SSH server.
            password: not supported; log in with a key.
            private_key_file: path of a private key.
            private_key_passphrase: not stored; add the key to your ssh-agent.

        Raises:
            ComputeTargetException: the machine cannot be used; the message says what to mend.
        """
        return RemoteCompute.attach_configuration(
            username,
            address=address,
            ssh_port=int(ssh_port),
            password=password,
            private_key_file=private_key_file,
            private_key_passphrase=private_key_passphrase,
        )._create(workspace, name)


class SshCompute(RemoteCompute, kind="ssh"):
    """A machine that is reached over SSH, by its name in your ssh configuration.

    Example:
        >>> SshCompute.attach_configuration("gpu1", slots=2).settings["slots"]
        2
    """

    @staticmethod
    def attach_configuration(host: str | Sequence[str], **settings: Any) -> SshConfiguration:  # type: ignore[override]
        """Return the configuration for attaching a host, or a pool of hosts.

        Args:
            host: a host of your ssh configuration, or an address. Keys, users, ports and jump hosts of that
                configuration apply. A list of hosts makes a pool.
            **settings: ``user``, ``port``, ``key`` (file of a private key) and ``config`` (another configuration file)
                where they differ; ``slots``, the number of one-slot runs at the same time (default: one for each
                core); ``reuse=True`` to use only a connection that you have opened yourself, for logins with a second
                factor; ``folder``, where Trainshed keeps its files there (default: ``~/.trainshed``); ``python``, a
                Python there, and ``archive``, a file here with one for machines that have none; ``shared``, a list of
                folders that are the same there and here, so that datastores in them are used in place; in a pool,
                ``addresses``, by which the hosts reach each other where yours are not theirs; ``patience``, seconds
                without an answer after which a connection is given up (default: 30). In a pool, the settings are
                those of each host; where hosts differ, your ssh configuration can say so.
        """
        if isinstance(host, str):
            return SshConfiguration({"host": host, **settings})
        each = settings.pop("slots", None)
        return SshConfiguration({"kind": "pool", "hosts": list(host), "slots_each": each, **settings})

    @staticmethod
    def attach(  # type: ignore[override]
        workspace: WorkspaceLike, name: str, host: str | Sequence[str], **settings: Any
    ) -> ComputeTarget:
        """Attach a host, or a pool of hosts, if it can be used.

        Args:
            workspace: workspace of the target.
            name: name of the target.
            host: as for :meth:`attach_configuration`.
            **settings: likewise.

        Raises:
            ComputeTargetException: the host cannot be used; the message says what to mend.
            UserErrorException: there is no such setting, or a value is invalid.
        """
        return SshCompute.attach_configuration(host, **settings)._create(workspace, name)


class SshPool(ComputeTarget, kind="pool"):
    """Several hosts that are reached over SSH (ours). Each run gets one that has room.

    Example:
        >>> SshCompute.attach_configuration(["gpu1", "gpu2"], slots=2).settings["hosts"]
        ['gpu1', 'gpu2']
    """

    def __init__(self, workspace: WorkspaceLike, name: str, **kwargs: Any) -> None:
        super().__init__(workspace, name, **kwargs)
        self.is_attached = True
        self.provisioning_errors = self._record.get("error")
        self.hosts = tuple(self._record["hosts"])

    @property
    def slots(self) -> int:
        """Number of one-slot runs that can run at the same time on all hosts together.

        Set it to the number for each host. Default: the number of CPU cores of each.
        """
        return int(self._record["slots"])

    @slots.setter
    def slots(self, number: int) -> None:
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), {"slots_each": number})

    def detach(self) -> None:
        """Remove the target from the workspace. What its runs have left on the hosts stays there.

        Raises:
            ComputeTargetException: it has unfinished runs.
        """
        self.delete()
