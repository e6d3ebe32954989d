"""The files of a dataset: paths on datastores, which may contain wildcards, and steps that select from them.

A definition is JSON: ``{"type": "file" | "tabular", "paths": [{"datastore": name, "path": …} | {"path": absolute}],
"steps": [["take", 3], …], "format": {…}}``. The steps of a table apply to its rows, and its reader applies them.
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
"""A file: (its path, its path in the dataset)."""


def files(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> List[Found]:
    """Return the files of a dataset, in order.

    Args:
        definition: its definition.
        stores: name of a datastore → its record, ``{"kind": "folder", "path": "/…"}``.

    Raises:
        NotFoundException: there is nothing at a path, or the datastore does not exist.
    """
    return selected(definition, [file for place in definition["paths"] for file in files_at(place, stores)])


def selected(definition: Mapping[str, Any], found: List[Any]) -> List[Any]:
    """Return the files that a dataset's steps select; the steps of a table apply to its rows.

    Args:
        definition: its definition.
        found: the files at all its paths.
    """
    return apply(found, definition["steps"] if definition["type"] == "file" else ())


def files_at(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> List[Found]:
    """Return the files at one path of a dataset.

    Args:
        place: one of a definition's paths.
        stores: as for :func:`files`.

    Raises:
        NotFoundException: there is nothing, or the datastore does not exist.
    """
    found = list(_at(place, stores))
    if not found:
        raise NotFoundException(f"The dataset has nothing at '{shown(place)}'. Upload it first, or correct the path.")
    return found


def shown(place: Mapping[str, Any]) -> str:
    """Return a path of a definition in readable form."""
    return f"{place['datastore']}/{place['path']}" if place.get("datastore") else str(place["path"])


def apply(rows: List[Any], steps: Any) -> List[Any]:
    """Return the part of a list that the steps select.

    Args:
        rows: files, or numbers of rows.
        steps: ``["take", n]``, ``["skip", n]``, ``["sample", share, seed, complement]``; others are ignored.
    """
    for name, *given in steps:
        if name == "take":
            rows = rows[: given[0]]
        elif name == "skip":
            rows = rows[given[0] :]
        elif name == "sample":
            share, seed, complement = given
            draw = random.Random(seed)  # noqa: S311 - a share, no secret
            rows = [row for row in rows if (draw.random() < share) != complement]
    return rows


def _at(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> Iterator[Found]:
    root, path = "", str(place["path"])
    if place.get("datastore"):
        if place["datastore"] not in stores:
            raise NotFoundException(f"The dataset is on datastore '{place['datastore']}', which does not exist.")
        root = stores[place["datastore"]]["path"]
    whole = os.path.join(root, path.lstrip("/")) if root else path
    if not _WILD.search(path):
        if os.path.isfile(whole):
            yield whole, os.path.basename(whole)
        else:
            yield from ((file, os.path.relpath(file, whole)) for file in _walk(whole))
        return
    parts = whole.split("/")
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
    """Return the pattern for a path: ``*`` within a part, ``**`` across parts; a folder includes its files."""
    text = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    text = text.replace(r"\?", "[^/]").replace(r"\[", "[").replace(r"\]", "]")
    return re.compile(f"{text}(?:/.*)?\\Z")


def check_distinct(found: List[Found]) -> None:
    """Raise if two files would have the same path.

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
    """Place files below a folder, each at its path in the dataset.

    Args:
        found: the files.
        target: the folder, which is created.
        link: place links instead of copies.
        overwrite: replace existing files.

    Returns:
        The folder.

    Raises:
        UserErrorException: two files have the same path.
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
