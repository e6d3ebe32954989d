"""The container that a run requests: the image to run its script in."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Tuple


REGISTRY_PASSWORD = "container-registry-"  # noqa: S105 - how its name begins
"""Prefix of the names of registry passwords among the workspace's secrets."""


class ContainerSpec(Record):
    """A request for a container; the node finds an engine for it.

    Attributes:
        image: reference of the image, e.g. ``"python:3.11-slim"``; ``""`` to build it from ``dockerfile``.
        dockerfile: text of a Dockerfile to build the image from, without a context folder.
        registry: address of the registry to log in to, e.g. ``"registry.example.org"``; ``""`` uses the engine's own
            login.
        username: user name for it; its password is among the workspace's secrets, see :attr:`secret`.
        shm_size: shared memory, such as ``"2g"``.
        arguments: further arguments for the engine's ``run`` command, unchanged.

    Example:
        >>> ContainerSpec("python:3.11", registry="registry.example.org", username="me").secret
        'container-registry-e9e7091650d5afba'
    """

    image: str
    dockerfile: str = ""
    registry: str = ""
    username: str = ""
    shm_size: str = "2g"
    arguments: Tuple[str, ...] = ()

    @property
    def secret(self) -> str:
        """Name of the password among the workspace's secrets."""
        import hashlib  # few runs have one

        who = f"{self.registry}\n{self.username}".encode()
        return f"{REGISTRY_PASSWORD}{hashlib.sha256(who).hexdigest()[:16]}"
