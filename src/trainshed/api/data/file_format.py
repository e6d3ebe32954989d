"""Dataset inputs and outputs of runs in the format of SDK v1's run configuration files and run definitions."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def stored_input(item: dict[str, Any]) -> dict[str, Any]:
    """Return a dataset input.

    Args:
        item: an :class:`~trainshed.spec.run.InputSpec` as JSON.

    Example:
        >>> from trainshed.spec.record import to_json
        >>> from trainshed.spec.run import InputSpec
        >>> stored_input(to_json(InputSpec("rain", "{}", "mount", None, "weather:2")))["dataLocation"]["dataset"]
        {'id': 'weather:2', 'name': 'weather', 'version': '2'}
    """
    name, _, version = item["dataset"].rpartition(":")
    return {
        "dataLocation": {
            "dataset": {"id": item["dataset"] or None, "name": name or None, "version": version or None},
            "dataPath": None,
        },
        "mechanism": item["mode"],
        "environmentVariableName": item["name"],
        "pathOnCompute": item["path_on_compute"],
        "overwrite": False,
    }


def stored_output(item: dict[str, Any]) -> dict[str, Any]:
    """Return an output.

    Args:
        item: an :class:`~trainshed.spec.run.OutputSpec` as JSON.

    Example:
        >>> from trainshed.spec.record import to_json
        >>> from trainshed.spec.run import OutputSpec
        >>> stored_output(to_json(OutputSpec("model", "workspaceblobstore", "models")))["mechanism"]
        'mount'
    """
    return {
        "outputLocation": {"dataPath": {"datastoreName": item["datastore"], "relativePath": item["path"]}},
        "mechanism": item["mode"],
        "additionalOptions": {
            "pathOnCompute": item["source"],
            "registrationOptions": {"name": item["register"] or None, "tags": dict(item["tags"])},
            "uploadOptions": {"overwrite": item["overwrite"]},
        },
        "environmentVariableName": item["name"],
    }
