"""Paths of datasets, as users write them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trainshed.api.data.data_reference import DataPath, DataReference
from trainshed.data import addresses
from trainshed.errors import UserErrorException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


def parse_paths(path: Any) -> tuple[list[dict[str, str]], WorkspaceLike | None]:
    """Convert paths to the format of a dataset definition.

    Args:
        path: ``(datastore, "path")``, a DataPath, a local path, a web address, or a list of these.

    Returns:
        Paths for the definition, and the workspace of their datastores.

    Raises:
        UserErrorException: a path has an unsupported type, or the list is empty.
    """
    is_list = isinstance(path, list) or (isinstance(path, tuple) and path and not hasattr(path[0], "folder"))
    paths, workspace = [], None
    for each in path if is_list else [path]:
        parsed, datastore_workspace = _parse_path(each)
        workspace = datastore_workspace or workspace
        paths.append(parsed)
    if not paths:
        raise UserErrorException("A dataset needs at least one path.")
    return paths, workspace


def _parse_path(each: Any) -> tuple[dict[str, str], WorkspaceLike | None]:
    if isinstance(each, (DataPath, DataReference)) and each.datastore is not None:
        each = (each.datastore, each.path_on_datastore or "")
    if hasattr(each, "folder") and hasattr(each, "workspace"):
        each = (each, "")
    if isinstance(each, tuple) and len(each) == 2 and hasattr(each[0], "folder"):
        path = str(each[1]).strip("/")
        if ".." in path.split("/"):
            raise UserErrorException(f"The path {each[1]!r} points outside its datastore.")
        return {"datastore": each[0].name, "path": path}, each[0].workspace
    if isinstance(each, (str, os.PathLike)):
        text = os.fspath(each)
        if addresses.is_address(text):
            return {"url": addresses.checked(text)}, None
        return {"path": os.path.abspath(text.removeprefix("file://"))}, None
    raise UserErrorException(
        "A dataset's path must be (datastore, 'path on it'), a local path, a web address or a list of these, not "
        f" {type(each).__name__}."
    )


def validated(dataset: Any, validate: bool) -> Any:
    """Return the dataset after checking that its files exist.

    Args:
        dataset: the dataset.
        validate: False skips the check.

    Raises:
        NotFoundException: a path matches no files, or there is none at a web address.
        UserErrorException: a server does not give a file, or cannot be reached.
    """
    if validate:
        from trainshed.api.data.fetch import check_addresses

        dataset._found()
        check_addresses(dataset._definition)
    return dataset


def new_folder(target: Any) -> tuple[Any, str]:
    """Return the datastore for a new table, and the path of a new folder on it.

    Args:
        target: a datastore, ``(datastore, "folder")`` or a DataPath.

    Raises:
        UserErrorException: it is something else.
    """
    paths, workspace = parse_paths(target)
    if workspace is None:
        raise UserErrorException("The target of a table must be (datastore, 'folder on it').")
    folder = "/".join(part for part in (paths[0]["path"], os.urandom(8).hex()) if part)
    return workspace.datastores[paths[0]["datastore"]], folder


def checked_format(partition_format: str | None) -> str | None:
    """Return the format of the values in paths, if it is valid.

    Args:
        partition_format: such as ``"/{country}/{day:yyyy/MM/dd}/*.csv"``, or None.

    Raises:
        UserErrorException: it is invalid.
    """
    from trainshed.api.data.partitions import PartitionFormat

    if partition_format:
        PartitionFormat(partition_format)
    return partition_format or None
