"""Validation of container settings: everything that becomes an engine argument must match a strict grammar."""

from __future__ import annotations

import re
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.spec.container import ContainerSpec

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_ADDRESS = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
# The grammar of OCI references. No repetition can begin with the characters it ends with, so there is no backtracking.
_IMAGE = re.compile(
    rf"(?:{_ADDRESS}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,128})?\Z"
)
_REGISTRY = re.compile(rf"{_ADDRESS}(?:/{_PART})*\Z")
_SIZE = re.compile(r"[0-9]{1,12}[bkmgBKMG]?\Z")
_DETACHED = re.compile(r"(?:-[diPqt]*d[diPqt]*|--detach(?:=.*)?)\Z")
_LONGEST = 512


def check_container(request: ContainerSpec) -> ContainerSpec:
    """Return ``request`` if it is valid.

    Raises:
        UserErrorException: a value is invalid. The message includes it.

    Example:
        >>> check_container(ContainerSpec("python:3.11-slim")).image
        'python:3.11-slim'
    """
    if bool(request.image) == bool(request.dockerfile):
        raise UserErrorException("Specify either an image or the text of a Dockerfile, and not both.")
    if request.image:
        check_image(request.image)
    if request.registry and (len(request.registry) > _LONGEST or not _REGISTRY.match(request.registry)):
        raise UserErrorException(
            f"Invalid registry address {request.registry!r}. Use a host, such as 'registry.example.org' or "
            "'127.0.0.1:5000', without 'https://'."
        )
    if not request.username.isprintable() or ":" in request.username:
        raise UserErrorException("Invalid username for the registry: it contains a ':' or a line break.")
    if not _SIZE.match(request.shm_size):
        raise UserErrorException(
            f"Invalid shm_size {request.shm_size!r}. Use a whole number and a unit, such as '512m' or '2g'."
        )
    for argument in request.arguments:
        _check_argument(argument)
    return request


def check_image(name: Any) -> str:
    """Return ``name`` if it is a valid image reference.

    Args:
        name: e.g. ``"registry.example.org/team/image:tag"``.

    Raises:
        UserErrorException: the image reference is invalid.

    Example:
        >>> check_image("pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime").split(":")[0]
        'pytorch/pytorch'
    """
    if not isinstance(name, str) or len(name) > _LONGEST or not _IMAGE.match(name):
        raise UserErrorException(
            f"Invalid image name {name!r}. Use 'name', 'name:tag' or 'registry.example.org/name:tag', "
            "with the name in lower case.",
            {"reason": "image_name"},
        )
    return name


def _check_argument(argument: Any) -> None:
    if not isinstance(argument, str) or not argument or "\0" in argument:
        raise UserErrorException(
            f"Invalid docker argument {argument!r}. Each argument is a string such as '--ipc=host', or '--ipc' "
            "followed by 'host'."
        )
    if _DETACHED.match(argument):
        raise UserErrorException(
            f"Docker argument {argument!r} is not supported: the run would end before its script. Remove it."
        )
