"""Container settings of a run."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Tuple


REGISTRY_PASSWORD = "container-registry-"  # noqa: S105 - a prefix, not a password
"""Prefix of the secrets that contain registry passwords."""


class ContainerSpec(Record):
    """Container to run a script in. The node selects the container engine.

    Attributes:
        image: image reference, e.g. ``"python:3.11-slim"``, or ``""`` to build the image from ``dockerfile``.
        dockerfile: content of the Dockerfile to build the image from, without a build context.
        registry: address of the registry, e.g. ``"registry.example.org"``, or ``""`` to use the image name's registry.
        username: user name for the registry, or ``""`` to use the engine's own login. The password is stored as the
            secret :attr:`secret`.
        shm_size: size of the shared memory, e.g. ``"2g"``.
        arguments: additional arguments for the engine's ``run`` command.

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
        """Name of the workspace secret with the registry password."""
        import hashlib  # needed by few runs

        account = f"{self.registry}\n{self.username}".encode()
        return f"{REGISTRY_PASSWORD}{hashlib.sha256(account).hexdigest()[:16]}"
