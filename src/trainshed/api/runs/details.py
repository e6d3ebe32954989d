"""Details of a run, as returned by ``run.get_details()``."""

from __future__ import annotations

from trainshed.api.times import utc
from trainshed.errors import TYPE_CHECKING, did_you_mean

if TYPE_CHECKING:
    from typing import Any


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


def details_of(record: dict[str, Any], log_files: dict[str, str]) -> Details:
    """Return the details of a run in SDK v1's format.

    Args:
        record: record of the run, including its spec.
        log_files: log file name → URL.
    """
    spec, stored = record["spec"], record["details"]
    details = Details(runId=record["id"], **({"target": record["target"]} if record["target"] else {}))
    details["status"] = record["status"]
    for key, moment in (("startTimeUtc", record["started"]), ("endTimeUtc", record["ended"])):
        if moment is not None:
            details[key] = utc(moment)
    details["services"] = {}
    details["warnings"] = list(stored.get("warnings") or ())
    if stored.get("error"):
        details["error"] = {"error": stored["error"]}
    details["properties"] = {
        "_azureml.ComputeTargetType": record["target"],
        **({"ContentSnapshotId": spec["snapshot"]} if spec["snapshot"] else {}),
        **record["properties"],
    }
    details["inputDatasets"], details["outputDatasets"] = [], []
    details["runDefinition"] = run_definition(spec)
    details["environment"] = stored.get("environment") or {}
    details["logFiles"] = log_files
    return details


def run_definition(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the run definition in SDK v1's format, from the run's spec.

    Example:
        >>> run_definition(run.record()["spec"])["script"]
        'train.py'
    """
    environment = spec["environment"]
    return {
        "script": spec["script"],
        "command": list(spec["command"]),
        "arguments": list(spec["arguments"]),
        "target": spec["target"],
        "framework": "Python",
        "communicator": "None",
        "nodeCount": spec["node_count"],
        "maxRunDurationSeconds": spec["max_run_duration_seconds"],
        "priority": spec["priority"],
        "environmentVariables": dict(spec["environment_variables"]),
        "environment": {
            "python": {
                "interpreterPath": environment["interpreter"],
                "userManagedDependencies": environment["kind"] == "existing",
                "condaDependencies": {
                    "name": "project_environment",
                    "dependencies": [
                        *([f"python={environment['python']}"] if environment["python"] else []),
                        *environment["conda"],
                        {"pip": [*environment["pip_options"], *environment["pip"]]},
                    ],
                    "channels": list(environment["channels"]),
                },
            },
        },
        "history": {"outputCollection": True, "snapshotProject": True, "directoriesToWatch": ["logs"]},
        "mpi": {"processCountPerNode": spec["process_count_per_node"]},
        "dataReferences": {item["name"]: _reference(item) for item in spec["data"]},
    }


def _reference(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataStoreName": item["datastore"],
        "pathOnDataStore": item["path"],
        "mode": item["mode"],
        "pathOnCompute": item["path_on_compute"],
        "overwrite": item["overwrite"],
    }
