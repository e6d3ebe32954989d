"""What a run asks of a container: the image to run its script in."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Tuple


REGISTRY_PASSWORD = "container-registry-"  # noqa: S105 - how its name begins
"""How the names of registries' passwords begin among a workspace's secrets."""


class ContainerSpec(Record):
    """A request for a container; the node finds an engine for it.

    Attributes:
        image: reference of the image, e.g. ``"python:3.11-slim"``; ``""`` where it is to be built of ``dockerfile``.
        dockerfile: text of a Dockerfile to build the image of; it sees no files but its own.
        registry: address of the registry that wants a user, e.g. ``"registry.example.org"``; ``""``: whoever the
            engine itself is logged in as.
        username: account there; its password is among the workspace's secrets, see :attr:`secret`.
        shm_size: shared memory, such as ``"2g"``.
        arguments: further arguments for the engine's ``run``, as they are.

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
