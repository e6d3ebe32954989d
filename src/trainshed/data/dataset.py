"""Resolution of dataset definitions to files.

A definition is a JSON object: ``{"type": "file" | "tabular", "paths": [{"datastore": name, "path": …} |
{"path": absolute} | {"url": address}], "steps": [["take", 3], …], "format": {…}}``. Paths may contain wildcards, except
for that of a file that was downloaded for the run: ``{"datastore": …, "path": …, "name": path in the dataset}``.

The steps of a file dataset select files and are applied here; those of a tabular dataset select rows and are applied
when it is read.
"""

from __future__ import annotations

import os

from trainshed.data import addresses
from trainshed.data.folder import copy
from trainshed.errors import TYPE_CHECKING, NotFoundException, UserErrorException

if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Pattern, Tuple

    Found = Tuple[str, str]
    """A file: (path, path in the dataset)."""
    Fetch = Callable[[str], str]
    """Returns the path of a file on the web, downloading it if necessary."""

_WILD = frozenset("*?[")

LOCAL_PATHS = "local-paths"
"""Takes the place of a datastore for files that were sent to another machine, and are not on a datastore."""


def files(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]], fetch: Fetch) -> List[Found]:
    """Return the files of a dataset, in order.

    Args:
        definition: definition of the dataset.
        stores: datastore name → record, ``{"kind": "folder", "path": "/…"}``.
        fetch: downloads files.

    Raises:
        NotFoundException: a path matches no files, or a datastore does not exist.
    """
    return selected(definition, [file for place in definition["paths"] for file in files_at(place, stores, fetch)])


def selected(definition: Mapping[str, Any], found: List[Any]) -> List[Any]:
    """Apply the steps of a file dataset to its files. The files of a tabular dataset are returned unchanged.

    Args:
        definition: definition of the dataset.
        found: files at the dataset's paths.
    """
    return apply(found, definition["steps"] if definition["type"] == "file" else ())


def files_at(
    place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]], fetch: Optional[Fetch] = None
) -> List[Found]:
    """Return the files at one path of a dataset.

    Args:
        place: a path of the definition.
        stores: datastore name → record, see :func:`files`.
        fetch: downloads a file. None for a path that is not a web address.

    Raises:
        NotFoundException: the path matches no files, or the datastore does not exist.
    """
    if fetch is not None and "url" in place:
        return [(fetch(place["url"]), addresses.relative(place["url"]))]
    found = list(_at(place, stores))
    if not found:
        raise NotFoundException(f"The dataset has nothing at '{shown(place)}'. Upload it first, or correct the path.")
    return found


def shown(place: Mapping[str, Any]) -> str:
    """Format a path of a definition for messages."""
    if "url" in place:
        return addresses.shown(place["url"])
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
            import random  # only here; a job of Slurm waits for each import

            generator = random.Random(seed)  # noqa: S311 - not used for cryptography
            rows = [row for row in rows if (generator.random() < fraction) != complement]
    return rows


def is_one_file(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether a dataset was made of the path of one file, which a script then gets instead of a folder.

    Args:
        definition: definition of the dataset.
        stores: datastore name → record, see :func:`files`.
    """
    place, *others = definition["paths"]
    return not others and ("url" in place or (not _is_pattern(place) and os.path.isfile(_full_path(place, stores))))


def on_this_machine(definition: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> Dict[str, Any]:
    """Return a definition that names files which were sent to this machine by their paths here.

    Args:
        definition: definition of the dataset.
        stores: datastore name → record, see :func:`files`.
    """
    paths = [
        {**place, "datastore": "", "path": _full_path(place, stores)}
        if place.get("datastore") == LOCAL_PATHS
        else place
        for place in definition["paths"]
    ]
    return {**definition, "paths": paths}


def outside(definition: Mapping[str, Any], home: str) -> List[str]:
    """Return the paths of this machine that a dataset needs, apart from datastores.

    Args:
        definition: definition of the dataset.
        home: Trainshed's home, in which downloads are kept.
    """
    paths = [place for place in definition["paths"] if not place.get("datastore")]
    return [
        os.path.join(home, addresses.FOLDER) if "url" in place else _before_wildcards(place["path"]) for place in paths
    ]


def _is_pattern(place: Mapping[str, Any]) -> bool:
    return "name" not in place and not _WILD.isdisjoint(place["path"])


def _before_wildcards(path: str) -> str:
    parts = path.split("/")
    first = next((number for number, part in enumerate(parts) if not _WILD.isdisjoint(part)), len(parts))
    return "/".join(parts[:first]) or "/"


def _full_path(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> str:
    if not place.get("datastore"):
        return str(place["path"])
    if place["datastore"] not in stores:
        raise NotFoundException(f"The dataset is on datastore '{place['datastore']}', which does not exist.")
    return os.path.join(stores[place["datastore"]]["path"], place["path"].lstrip("/"))


def _at(place: Mapping[str, Any], stores: Mapping[str, Mapping[str, str]]) -> Iterator[Found]:
    full_path = _full_path(place, stores)
    if not _is_pattern(place):
        if os.path.isfile(full_path):
            yield full_path, place.get("name") or os.path.basename(full_path)
        else:
            yield from ((file, os.path.relpath(file, full_path)) for file in _walk(full_path))
        return
    base = _before_wildcards(full_path)
    pattern = _pattern(os.path.relpath(full_path, base))
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


def _pattern(glob: str) -> Pattern[str]:
    """Compile a glob pattern: ``*`` matches within a path component, ``**`` across several; folders include files."""
    import re  # most datasets have no pattern

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
        elif os.path.islink(goal) and os.readlink(goal) != path:  # of another dataset, in a folder that the user chose
            os.unlink(goal)
            os.symlink(path, goal)
    return target
