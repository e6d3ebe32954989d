"""Access to the files of a dataset: directly if this process can open them, otherwise through the service."""

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
        relative: path in the dataset.
        at: local path, or None if this process cannot open the file.
        pieces: API path of the content, for a file on a datastore.
        version: string that changes when the content changes.
    """

    relative: str
    at: str | None
    pieces: str = ""
    version: str = ""


def found(definition: Mapping[str, Any], workspace: WorkspaceLike | None) -> list[DataFile]:
    """Return the files of a dataset, in order.

    Args:
        definition: definition of the dataset.
        workspace: workspace of its datastores.

    Raises:
        NotFoundException: a path matches no files, or a datastore does not exist.
    """
    files: list[DataFile] = []
    for path in definition["paths"]:
        if path.get("datastore") and workspace is not None:
            files += _on_datastore(path["datastore"], path["path"], workspace)
        else:
            files += [DataFile(relative, at) for at, relative in files_at(path, {})]
    return selected(definition, files)


def _on_datastore(store: str, path: str, workspace: WorkspaceLike) -> Iterable[DataFile]:
    listed = workspace.connection.call("GET", quoted("datastores", store, "found"), query={"path": path})["files"]
    for each in listed:
        # The service's path does not exist here if this process runs in a container or on another machine.
        at = each["at"] if each.get("at") and os.path.exists(each["at"]) else None
        pieces = quoted("datastores", store, "files", each["name"])
        yield DataFile(each["relative"], at, pieces, f"{each['size']}-{each['modified']}")


def local(files: Iterable[DataFile], workspace: WorkspaceLike | None) -> list[tuple[str, str]]:
    """Return (local path, path in the dataset) of each file. Files that cannot be opened are downloaded and cached.

    Args:
        files: files of the dataset.
        workspace: workspace of its datastores.
    """
    return [(each.at or _cached(each, workspace), each.relative) for each in files]


def _cached(file: DataFile, workspace: Any) -> str:
    name = f"{mark(workspace.identity, file.pieces)}-{file.version}"
    path = cache("data", name, os.path.basename(file.relative))
    if os.path.exists(path):
        os.utime(path)  # keeps trainshed gc from deleting it
    else:
        download(workspace.connection.stream("GET", file.pieces), file.relative, path)
    return path


def copy_to(files: Sequence[DataFile], paths: Iterable[str], workspace: Any) -> None:
    """Copy or download each file to a local path.

    Args:
        files: files of the dataset.
        paths: local path of each file.
        workspace: workspace of its datastores.

    Raises:
        UserErrorException: two files have the same path in the dataset.
    """
    check_distinct([(file.at or file.pieces, file.relative) for file in files])
    for file, path in zip(files, paths, strict=True):
        if file.at is None:
            download(workspace.connection.stream("GET", file.pieces), file.relative, path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            copy(file.at, path, True)
