"""The files of a dataset, brought to this program: by their paths if it can open them, else through the service."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trainshed.api.transfer import download
from trainshed.client.cache import cache, mark
from trainshed.client.http import quoted
from trainshed.data.dataset import check_distinct, files_at, selected
from trainshed.data.folder import copy

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


class DataFile(NamedTuple):
    """A file of a dataset.

    Attributes:
        relative: its path in the dataset.
        at: where this program can open it, or None.
        pieces: path of its content in the API, where it is on a datastore.
        version: what changes with its content.
    """

    relative: str
    at: str | None
    pieces: str = ""
    version: str = ""


def found(definition: Mapping[str, Any], workspace: WorkspaceLike | None) -> list[DataFile]:
    """Return the files of a dataset, in order.

    Args:
        definition: what it has.
        workspace: where its datastores are.

    Raises:
        NotFoundException: a path at which there is nothing, or an unknown datastore.
    """
    files: list[DataFile] = []
    for place in definition["paths"]:
        if place.get("datastore") and workspace is not None:
            files += _on_datastore(place["datastore"], place["path"], workspace)
        else:
            files += [DataFile(relative, at) for at, relative in files_at(place, {})]
    return selected(definition, files)


def _on_datastore(store: str, path: str, workspace: WorkspaceLike) -> Iterable[DataFile]:
    listed = workspace.connection.call("GET", quoted("datastores", store, "found"), query={"path": path})["files"]
    for each in listed:
        # What the service names is here unless this program runs in a container, or elsewhere.
        at = each["at"] if each.get("at") and os.path.exists(each["at"]) else None
        pieces = quoted("datastores", store, "files", each["name"])
        yield DataFile(each["relative"], at, pieces, f"{each['size']}-{each['modified']}")


def local(files: Iterable[DataFile], workspace: WorkspaceLike | None) -> list[tuple[str, str]]:
    """Return (where this program can open it, its path in the dataset) of each file; it is downloaded if need be.

    Args:
        files: of the dataset; what was downloaded once is not downloaded again until it changes.
        workspace: where its datastores are.
    """
    return [(each.at or _cached(each, workspace), each.relative) for each in files]


def _cached(file: DataFile, workspace: Any) -> str:
    name = f"{mark(workspace.identity, file.pieces)}-{file.version}"
    path = cache("data", name, os.path.basename(file.relative))
    if os.path.exists(path):
        os.utime(path)  # it is used: trainshed gc keeps it
    else:
        download(workspace.connection.stream("GET", file.pieces), file.relative, path)
    return path


def copy_to(files: Sequence[DataFile], paths: Iterable[str], workspace: Any) -> None:
    """Have the content of each file at a path.

    Args:
        files: of the dataset.
        paths: one for each.
        workspace: where its datastores are.

    Raises:
        UserErrorException: two files have the same path.
    """
    check_distinct([(file.at or file.pieces, file.relative) for file in files])
    for file, path in zip(files, paths, strict=True):
        if file.at is None:
            download(workspace.connection.stream("GET", file.pieces), file.relative, path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            copy(file.at, path, True)
