"""Rules for what a run asks of a container: what becomes an argument of the engine is checked by a strict grammar."""

from __future__ import annotations

import re
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.spec.container import ContainerSpec

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_ADDRESS = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
# The grammar of OCI references. Every repetition ends in something that cannot also begin it.
_IMAGE = re.compile(
    rf"(?:{_ADDRESS}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,128})?\Z"
)
_REGISTRY = re.compile(rf"{_ADDRESS}(?:/{_PART})*\Z")
_SIZE = re.compile(r"[0-9]{1,12}[bkmgBKMG]?\Z")
_DETACHED = re.compile(r"(?:-[diPqt]*d[diPqt]*|--detach(?:=.*)?)\Z")
_LONGEST = 512


def check_container(request: ContainerSpec) -> ContainerSpec:
    """Return ``request`` if an engine could be asked for it.

    Args:
        request: what a run asks for.

    Raises:
        UserErrorException: a value that cannot be used; the sentence names it.

    Example:
        >>> check_container(ContainerSpec("python:3.11-slim")).image
        'python:3.11-slim'
    """
    if bool(request.image) == bool(request.dockerfile):
        raise UserErrorException("A container takes either an image or the text of a Dockerfile (not both, not none).")
    if request.image:
        check_image(request.image)
    if request.registry and (len(request.registry) > _LONGEST or not _REGISTRY.match(request.registry)):
        raise UserErrorException(
            f"Registry address {request.registry!r} cannot be used: give a host, such as 'registry.example.org' or "
            "'127.0.0.1:5000', without 'https://'."
        )
    if not request.username.isprintable() or ":" in request.username:
        raise UserErrorException("The registry's username cannot be used: it has a ':' or a line break.")
    if not _SIZE.match(request.shm_size):
        raise UserErrorException(
            f"shm_size {request.shm_size!r} cannot be used: give a whole number and a unit, such as '512m' or '2g'."
        )
    for argument in request.arguments:
        _check_argument(argument)
    return request


def check_image(name: Any) -> str:
    """Return ``name`` if it is the reference of an image.

    Args:
        name: e.g. ``"registry.example.org/team/image:tag"``.

    Raises:
        UserErrorException: it is none.

    Example:
        >>> check_image("pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime").split(":")[0]
        'pytorch/pytorch'
    """
    if not isinstance(name, str) or len(name) > _LONGEST or not _IMAGE.match(name):
        raise UserErrorException(
            f"Image name {name!r} cannot be used: give it as 'name', 'name:tag' or 'registry.example.org/name:tag', "
            "the name in small letters.",
            {"reason": "image_name"},
        )
    return name


def _check_argument(argument: Any) -> None:
    if not isinstance(argument, str) or not argument or "\0" in argument:
        raise UserErrorException(
            f"Docker argument {argument!r} cannot be used: each is a text such as '--ipc=host' (and a value of its "
            "own such as 'host' after '--ipc')."
        )
    if _DETACHED.match(argument):
        raise UserErrorException(
            f"Docker argument {argument!r} cannot be used: the run would be over before its script is. Leave it out."
        )
