"""Sockets of this machine at which web services on other machines are called."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from trainshed.errors import WebserviceException
from trainshed.machines.remote import RemoteMachine
from trainshed.spec.run import LOCAL

PORT = "service_port"
"""Tag of a run: the port at which its service answers on its machine."""
_HERE = "127.0.0.1"
_QUEUE = 512


class _Kept(NamedTuple):
    machine: RemoteMachine
    far: int
    near: int


class ServiceDoors:
    """The sockets, by the names of the services.

    Args:
        machine: returns the machine of a target.
    """

    def __init__(self, machine: Callable[[str], Any]) -> None:
        self._machine = machine
        self._kept: dict[str, _Kept] = {}

    def keep(self, name: str, run: dict[str, Any], port: int) -> None:
        """See that a service on another machine can be called here.

        Args:
            name: the service.
            run: the run that answers.
            port: port of the loopback address here.
        """
        told = run["tags"].get(PORT)
        machine = self._machine(run["target"]) if told and run["target"] != LOCAL else None
        if not isinstance(machine, RemoteMachine):
            return
        wanted = _Kept(machine, int(told), port)
        if self._kept.get(name) == wanted:
            return
        self.drop(name)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HERE, port))
            listener.listen(_QUEUE)
        except OSError as error:
            listener.close()
            raise WebserviceException(
                f"Port {port} of the web service '{name}' is used by another program ({error})."
            ) from error
        machine.doors.add(listener, wanted.far)
        self._kept[name] = wanted

    def drop(self, name: str) -> None:
        """Close the socket of a service, if it has one.

        Args:
            name: the service.
        """
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept.machine.doors.close(kept.far)


def port_there(target: str, port: int) -> int:
    """Return the port at which a service is to listen on its machine; 0: any, which it tells by a tag.

    Args:
        target: its compute target.
        port: its port here.
    """
    return port if target == LOCAL else 0


def check_machine(name: str, target: str, before: str | None, kind: str) -> None:
    """Check that a service can be on a target.

    Args:
        name: the service.
        target: the target.
        before: the target on which the service is already; None: it is new.
        kind: kind of the target.

    Raises:
        WebserviceException: it cannot.
    """
    if target != LOCAL and kind not in _KINDS:
        raise WebserviceException(
            f"The target '{target}' cannot have a web service. Deploy it on this machine, or on a host that was "
            "attached with SshCompute."
        )
    if before not in (None, target):
        raise WebserviceException(
            f"The web service '{name}' is on '{before}', and cannot be moved to '{target}'. Delete it first, or choose "
            "another name."
        )


_KINDS = ("local", "ssh", "remote")
