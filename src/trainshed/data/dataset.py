"""Resolution of dataset definitions to files.

A definition is a JSON object: ``{"type": "file" | "tabular", "paths": [{"datastore": name, "path": …} |
{"path": absolute}], "steps": [["take", 3], …], "format": {…}}``. Paths may contain wildcards. The steps of a file
dataset select files and are applied here; those of a tabular dataset select rows and are applied when it is read.
"""

from __future__ import annotations

import os
import random
import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from trainshed.data.folder import copy
from trainshed.errors import NotFoundException, UserErrorException

_WILD = re.compile(r"[*?\[]")

Found = Tuple[str, str]
"""A file: (path, path in the dataset)."""


def files(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> List[Found]:
    """Return the files of a dataset, in order.

    Args:
        definition: definition of the dataset.
        stores: datastore name → record, ``{"kind": "folder", "path": "/…"}``.

    Raises:
        NotFoundException: a path matches no files, or a datastore does not exist.
    """
    return selected(definition, [file for place in definition["paths"] for file in files_at(place, stores)])


def selected(definition: Mapping[str, Any], found: List[Any]) -> List[Any]:
    """Apply the steps of a file dataset to its files. The files of a tabular dataset are returned unchanged.

    Args:
        definition: definition of the dataset.
        found: files at the dataset's paths.
    """
    return apply(found, definition["steps"] if definition["type"] == "file" else ())


def files_at(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> List[Found]:
    """Return the files at one path of a dataset.

    Args:
        place: a path of the definition.
        stores: datastore name → record, see :func:`files`.

    Raises:
        NotFoundException: the path matches no files, or the datastore does not exist.
    """
    found = list(_at(place, stores))
    if not found:
        raise NotFoundException(f"The dataset has nothing at '{shown(place)}'. Upload it first, or correct the path.")
    return found


def shown(place: Mapping[str, Any]) -> str:
    """Format a path of a definition for messages."""
    return f"{place['datastore']}/{place['path']}" if place.get("datastore") else str(place["path"])


def apply(rows: List[Any], steps: Any) -> List[Any]:
    """Apply steps to a list and return the selected items.

    Args:
        rows: files, or row numbers.
        steps: ``["take", n]``, ``["skip", n]`` or ``["sample", fraction, seed, complement]``; others are ignored.
    """
    for name, *args in steps:
        if name == "take":
            rows = rows[: args[0]]
        elif name == "skip":
            rows = rows[args[0] :]
        elif name == "sample":
            fraction, seed, complement = args
            generator = random.Random(seed)  # noqa: S311 - not used for cryptography
            rows = [row for row in rows if (generator.random() < fraction) != complement]
    return rows


def is_one_file(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether a dataset was made of the path of one file, which a script then gets instead of a folder.

    Args:
        definition: definition of the dataset.
        stores: datastore name → record, see :func:`files`.
    """
    paths = definition["paths"]
    return len(paths) == 1 and not _WILD.search(paths[0]["path"]) and os.path.isfile(_full_path(paths[0], stores))


def _full_path(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> str:
    if not place.get("datastore"):
        return str(place["path"])
    if place["datastore"] not in stores:
        raise NotFoundException(f"The dataset is on datastore '{place['datastore']}', which does not exist.")
    return os.path.join(stores[place["datastore"]]["path"], place["path"].lstrip("/"))


def _at(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> Iterator[Found]:
    full_path = _full_path(place, stores)
    if not _WILD.search(place["path"]):
        if os.path.isfile(full_path):
            yield full_path, os.path.basename(full_path)
        else:
            yield from ((file, os.path.relpath(file, full_path)) for file in _walk(full_path))
        return
    parts = full_path.split("/")
    first = next(number for number, part in enumerate(parts) if _WILD.search(part))
    base = "/".join(parts[:first]) or "/"
    pattern = _pattern("/".join(parts[first:]))
    for file in _walk(base):
        relative = os.path.relpath(file, base).replace(os.sep, "/")
        if pattern.match(relative):
            yield file, relative


def _walk(folder: str) -> Iterator[str]:
    for at, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(at, name)
            if os.path.isfile(path):
                yield path


def _pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob pattern: ``*`` matches within a path component, ``**`` across several; folders include files."""
    text = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    text = text.replace(r"\?", "[^/]").replace(r"\[", "[").replace(r"\]", "]")
    return re.compile(f"{text}(?:/.*)?\\Z")


def check_distinct(found: List[Found]) -> None:
    """Check that all files have different paths in the dataset.

    Raises:
        UserErrorException: two files have the same path in the dataset.
    """
    seen: Dict[str, str] = {}
    for path, relative in found:
        if seen.setdefault(relative, path) != path:
            raise UserErrorException(
                f"Two files of the dataset have the same path '{relative}': {path}, {seen[relative]}."
            )


def lay(found: List[Found], target: str, link: bool, overwrite: bool = True) -> str:
    """Link or copy files to a folder, each at its path in the dataset, and return the folder.

    Args:
        found: the files.
        target: folder to create.
        link: create symbolic links instead of copies.
        overwrite: replace existing files.

    Raises:
        UserErrorException: two files have the same path in the dataset.
    """
    check_distinct(found)
    os.makedirs(target, exist_ok=True)
    for path, relative in found:
        goal = os.path.join(target, relative)
        os.makedirs(os.path.dirname(goal), exist_ok=True)
        if not link:
            copy(path, goal, overwrite)
        elif not os.path.lexists(goal):
            os.symlink(path, goal)
    return target
