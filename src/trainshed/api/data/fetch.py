"""Access to the files of a dataset: directly if this process can open them, otherwise through the service."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trainshed.api.transfer import download
from trainshed.client import locations
from trainshed.client.cache import cache, mark
from trainshed.client.http import quoted
from trainshed.data import addresses
from trainshed.data.dataset import check_distinct, files_at, selected
from trainshed.data.folder import copy

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


_CHECKED = 10


class DataFile(NamedTuple):
    """A file of a dataset.

    Attributes:
        relative: path in the dataset.
        at: local path, or None if this process cannot open the file.
        pieces: API path of the content, for a file on a datastore.
        version: string that changes when the content changes.
        url: web address of the content.
        place: the file as a path of a definition.
    """

    relative: str
    at: str | None
    pieces: str = ""
    version: str = ""
    url: str = ""
    place: Mapping[str, str] = {}

    @property
    def original(self) -> str:
        """Where the file is, with all its folders: a path on its datastore or this machine, or a web address."""
        return self.place.get("url") or self.place["path"]


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
        if "url" in path:
            files.append(DataFile(addresses.relative(path["url"]), None, url=path["url"], place=path))
        elif path.get("datastore") and workspace is not None:
            there = _on_datastore(path["datastore"], path["path"], workspace)
            named = {"relative": path["name"], "place": path} if "name" in path else {}
            files += [file._replace(**named) for file in there]
        else:
            found_here = files_at(path, {})
            files += [DataFile(relative, at, place={"path": at, "name": relative}) for at, relative in found_here]
    return selected(definition, files)


def _on_datastore(store: str, path: str, workspace: WorkspaceLike) -> Iterable[DataFile]:
    listed = workspace.connection.call("GET", quoted("datastores", store, "found"), query={"path": path})["files"]
    for each in listed:
        # The service's path does not exist here if this process runs in a container or on another machine.
        at = each["at"] if each.get("at") and os.path.exists(each["at"]) else None
        pieces = quoted("datastores", store, "files", each["name"])
        place = {"datastore": store, "path": each["name"], "name": each["relative"]}
        yield DataFile(each["relative"], at, pieces, f"{each['size']}-{each['modified']}", place=place)


def check_addresses(definition: Mapping[str, Any]) -> None:
    """Check that the files of a dataset at web addresses can be downloaded: the first ones, for there may be many.

    Args:
        definition: definition of the dataset.

    Raises:
        NotFoundException: there is no file at an address.
        UserErrorException: a server does not give a file, or cannot be reached.
    """
    for address in [path["url"] for path in definition["paths"] if "url" in path][:_CHECKED]:
        from trainshed.data import web  # takes 30 ms, and most datasets have no such files

        web.check(address, _downloads())


def _downloads() -> str:
    """Return the folder for web files: that of this machine's runs if there may be some, else the client's own."""
    home = locations.home()
    shared = os.path.isdir(home) and os.access(home, os.W_OK)
    return os.path.join(home, addresses.FOLDER) if shared else cache(addresses.FOLDER)


def local(files: Iterable[DataFile], workspace: WorkspaceLike | None) -> list[tuple[str, str]]:
    """Return (local path, path in the dataset) of each file. Files that cannot be opened are downloaded and cached.

    Args:
        files: files of the dataset.
        workspace: workspace of its datastores.
    """
    return [(_here(each) or _cached(each, workspace), each.relative) for each in files]


def _here(file: DataFile) -> str | None:
    """Return the path of a file on this machine, if it is not on a datastore elsewhere."""
    if not file.url:
        return file.at
    from trainshed.data import web  # see check_addresses

    return web.fetch(file.url, _downloads(), lambda line: sys.stderr.write(f"{line}\n"))


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
    check_distinct([(file.at or file.pieces or file.url, file.relative) for file in files])
    for file, path in zip(files, paths, strict=True):
        at = _here(file)
        if at is None:
            download(workspace.connection.stream("GET", file.pieces), file.relative, path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            copy(at, path, True)
