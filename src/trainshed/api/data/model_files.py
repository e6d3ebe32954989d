"""Finding models and transferring their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.transfer import download, files_below
from trainshed.client.http import quoted
from trainshed.errors import ModelNotFoundException, NotFoundException, UserErrorException, WebserviceException

if TYPE_CHECKING:
    from trainshed.client.http import Connection

    TagFilter = Iterable[Any] | Mapping[str, Any] | None
    """Required tags or properties: a key, keys, ``[key, value]`` pairs, or a dict."""

_OF_SERVICE = "TRAINSHED_MODELS"
"""Environment variable of a scoring script: folder of its models, as name/version."""


def model_files(root: str, children: Sequence[str] | None) -> list[str]:
    """Return the paths of the files to register as a model.

    Args:
        root: file or folder.
        children: only these paths, relative to the folder.

    Raises:
        WebserviceException: there are no files.
    """
    starts = [root] if children is None else [os.path.join(root, child) for child in children]
    found = []
    for start in starts:
        if os.path.isfile(start):
            found.append(start)
        found += [path for path, _ in files_below(start)]
    if not found:
        raise WebserviceException(f"There are no files in '{root}' to register as a model.")
    return found


def download_model(connection: Connection, entry: Mapping[str, Any], target: str, replace: bool) -> str:
    """Download the files of a model version and return the path of the file or folder.

    Args:
        connection: connection to the service.
        entry: catalog entry of the model version.
        target: local folder.
        replace: replace existing files.

    Raises:
        WebserviceException: the file or folder exists already and ``replace`` is False.
    """
    base = quoted("models", entry["name"], str(entry["version"]), "files")
    names = [file["name"] for file in connection.call("GET", base)["files"]]
    top = os.path.join(target, names[0].split("/")[0])
    if os.path.exists(top) and not replace:
        raise WebserviceException(f"'{top}' already exists. Choose another target_dir, or pass exist_ok=True.")
    for name in names:
        download(connection.stream("GET", base + quoted(name)), name, os.path.join(target, *name.split("/")))
    return top


def find_entry(
    connection: Connection, name: str | None, version: int | None, wanted: tuple[Any, ...]
) -> dict[str, Any]:
    """Return the catalog entry of the latest version of a model that fits.

    Args:
        connection: connection to the service.
        name: name of the model. Default: any.
        version: version number. Default: the latest version.
        wanted: tags, properties, run and framework, as for :func:`fits`.

    Raises:
        ModelNotFoundException: there is none. The message suggests the closest match.
    """
    if name is None:
        return _first(connection, None, wanted)
    try:
        newest = connection.call("GET", quoted("catalog", "model", name), query={"version": version})
    except NotFoundException as error:
        raise ModelNotFoundException(error.message) from error
    if version is not None or not any(wanted):
        entry: dict[str, Any] = newest
        return entry
    return _first(connection, name, wanted)


def _first(connection: Connection, name: str | None, wanted: tuple[Any, ...]) -> dict[str, Any]:
    for model in connection.call("GET", "/catalog/model", query={"name": name})["entries"]:
        if fits(model, wanted):
            return dict(model)
    which = "model" if name is None else f"version of model '{name}'"
    raise ModelNotFoundException(f"No {which} has the requested tags, properties or run.")


def fits(entry: Mapping[str, Any], wanted: tuple[Any, ...]) -> bool:
    """Return whether a model version has the requested tags, properties, run and framework.

    Args:
        entry: catalog entry of the model version.
        wanted: tags, properties, run id and framework; None accepts any.
    """
    tags, properties, run_id, framework = wanted
    record = entry["record"]
    return (
        _has(entry["tags"], tags)
        and _has(entry["properties"], properties)
        and run_id in (None, record.get("run_id"))
        and framework in (None, record.get("framework"))
    )


def _has(labels: Mapping[str, str], wanted: TagFilter) -> bool:
    wanted = [wanted] if isinstance(wanted, str) else wanted
    pairs = wanted.items() if isinstance(wanted, Mapping) else wanted or ()
    for each in pairs:
        key, value = (each, None) if isinstance(each, str) else (each[0], str(each[1]))
        if key not in labels or value not in (None, labels[key]):
            return False
    return True


def dataset_records(datasets: Any) -> list[Any] | None:
    """Convert the datasets that a model is registered with for its catalog entry.

    Args:
        datasets: ``(purpose, dataset)`` pairs, or None.

    Raises:
        UserErrorException: an item is not such a pair.
    """
    records = []
    for each in datasets or ():
        if not isinstance(each, (tuple, list)) or len(each) != 2 or not hasattr(each[1], "_definition"):
            raise UserErrorException(
                f"datasets must be a list of pairs such as ('training data', dataset), not of {each!r}."
            )
        records.append([str(each[0]), each[1].id or "", each[1]._definition])
    return records or None


def usage_records(sample_input: Any, sample_output: Any, resources: Any) -> dict[str, Any]:
    """Convert what a model is registered to be used with for its catalog entry.

    Args:
        sample_input: dataset with sample requests, or None.
        sample_output: dataset with sample answers, or None.
        resources: a ResourceConfiguration, or None.

    Raises:
        UserErrorException: a value has the wrong type.
    """
    records: dict[str, Any] = {"resources": None}
    for name, each in (("sample_input", sample_input), ("sample_output", sample_output)):
        if each is not None and not hasattr(each, "_definition"):
            raise UserErrorException(f"{name}_dataset must be a dataset, not {type(each).__name__}.")
        records[name] = None if each is None else [each.id or "", each._definition]
    if resources is not None:
        if not hasattr(resources, "memory_in_gb"):
            raise UserErrorException(
                f"resource_configuration must be a ResourceConfiguration, not {type(resources).__name__}."
            )
        records["resources"] = resources.serialize()
    return records


def in_service(name: str, version: int | None) -> str | None:
    """Return the path of a model in the scoring script of a web service that has it, else None.

    Args:
        name: name of the model.
        version: version number. Default: the newest that the service has.
    """
    root = os.environ.get(_OF_SERVICE)
    folder = os.path.join(root or "", name)
    if not root or not os.path.isdir(folder):
        return None
    versions = [each for each in os.listdir(folder) if each.isdigit()]
    chosen = max(versions, key=int, default="") if version is None else str(version)
    if chosen not in versions:
        return None
    inside = os.path.join(folder, chosen)
    return os.path.join(inside, sorted(os.listdir(inside))[0])
