"""Details of a run, as returned by ``run.get_details()``."""

from __future__ import annotations

from trainshed.api.runs.run_definition import run_definition
from trainshed.api.times import utc
from trainshed.errors import TYPE_CHECKING, did_you_mean
from trainshed.spec import states

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import WorkspaceLike


class Details(dict):  # type: ignore[type-arg]  # which would import typing
    """A dict whose items can also be read as attributes.

    SDK v1 returns a plain dict, but its documentation also uses ``run.get_details().status``; both work.

    Example:
        >>> Details(status="Completed").status
        'Completed'
    """

    def __getattr__(self, name: str) -> Any:
        """Return the item with this key."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"The run's details have no '{name}'.{did_you_mean(name, self)}") from None


def details_of(record: dict[str, Any], log_files: dict[str, str], workspace: WorkspaceLike | None = None) -> Details:
    """Return the details of a run in SDK v1's format.

    Args:
        record: record of the run, including its spec.
        log_files: log file name → URL.
        workspace: workspace of the run, for its input and output datasets. Default: leave these out.
    """
    spec, stored = record["spec"], record["details"]
    details = Details(runId=record["id"], **({"target": record["target"]} if record["target"] else {}))
    details["status"] = record["status"]
    for key, moment in (("startTimeUtc", record["started"]), ("endTimeUtc", record["ended"])):
        if moment is not None:
            details[key] = utc(moment)
    if record["status"] == states.PROVISIONING and stored.get("queue_reason"):
        details["queueReason"] = stored["queue_reason"]
    details["services"] = {}
    details["warnings"] = list(stored.get("warnings") or ())
    if stored.get("error"):
        details["error"] = {"error": stored["error"]}
    details["properties"] = {
        "_azureml.ComputeTargetType": record["target"],
        **({"ContentSnapshotId": spec["snapshot"]} if spec["snapshot"] else {}),
        **record["properties"],
    }
    details["inputDatasets"] = [_input(item, workspace) for item in spec.get("inputs", ()) if workspace]
    details["outputDatasets"] = [
        _output(item, record["id"], workspace) for item in spec.get("outputs", ()) if workspace
    ]
    details["runDefinition"] = run_definition(spec)
    details["environment"] = stored.get("environment") or {}
    details["logFiles"] = log_files
    return details


def input_dataset(item: dict[str, Any], workspace: WorkspaceLike) -> Any:
    """Return the dataset of an input of a run.

    Args:
        item: the input, from the run's spec.
        workspace: workspace of the run.
    """
    import json  # see transfer

    return workspace.dataset_of(json.loads(item["definition"]), item["dataset"])


def _input(item: dict[str, Any], workspace: WorkspaceLike) -> dict[str, Any]:
    used = {"type": "RunInput", "inputName": item["name"], "mechanism": item["mode"].capitalize()}
    return {
        "dataset": input_dataset(item, workspace),
        "consumptionDetails": {**used, "pathOnCompute": item["path_on_compute"]},
    }


def _output(item: dict[str, Any], run_id: str, workspace: WorkspaceLike) -> dict[str, Any]:
    from trainshed.spec.layout import output_path

    place = {"datastore": item["datastore"], "path": output_path(item["path"], run_id, item["name"])}
    return {
        "dataset": workspace.dataset_of({"type": "file", "paths": [place], "steps": []}),
        "outputType": "RunOutput",
        "outputDetails": {"outputName": item["name"]},
    }
