"""MLflow 3's logged models: their files are files of the run, in a folder with the model's name."""

import os
from time import time

from trainshed.runtime import mlflow_files
from trainshed.runtime.mlflow_job import Job, Refused, labels

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any


def _make(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run_id = str(given.get("source_run_id") or job.run.id)
    job.find(run_id)
    name, now = str(given.get("name") or "model"), int(time() * 1000)
    with job.lock:
        same = sum(1 for model in job.models.values() if model["name"] == name and model["source_run_id"] == run_id)
        model_id = f"m-{os.urandom(16).hex()}"
        job.models[model_id] = {
            "model_id": model_id,
            "experiment_id": job.experiment["experiment_id"],
            "name": name,
            "creation_timestamp_ms": now,
            "last_updated_timestamp_ms": now,
            "artifact_uri": f"mlflow-artifacts:/{run_id}/{name}" + (f"-{same + 1}" if same else ""),
            "status": "LOGGED_MODEL_PENDING",
            "source_run_id": run_id,
            "model_type": str(given.get("model_type", "")),
            "tags": labels(given.get("tags")),
            "params": labels(given.get("params")),
        }
    return _shown(job, model_id)


def _model(job: Job, model_id: str) -> "dict[str, Any]":
    try:
        return job.models[model_id]
    except KeyError:
        raise Refused("RESOURCE_DOES_NOT_EXIST", f"No model '{model_id}' was logged in this job.", 404) from None


def _shown(job: Job, model_id: str) -> "dict[str, Any]":
    model = dict(_model(job, model_id))
    tags, params = _pairs(model.pop("tags")), _pairs(model.pop("params"))
    return {"model": {"info": {**model, "tags": tags}, "data": {"params": params, "metrics": []}}}


def _pairs(found: "dict[str, str]") -> "list[dict[str, str]]":
    return [{"key": key, "value": value} for key, value in found.items()]


def _get(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    return _shown(job, given["model_id"])


def _finish(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given["model_id"]).update(status=str(given["status"]), last_updated_timestamp_ms=int(time() * 1000))
    return _shown(job, given["model_id"])


def _tag(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given["model_id"])["tags"].update(labels(given.get("tags")))
    return _shown(job, given["model_id"])


def _param(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given["model_id"])["params"].update(labels(given.get("params")))
    return {}


def _search(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    if given["model_id"] != "search":
        raise Refused("ENDPOINT_NOT_FOUND", "There is no such route.", 404)
    return {"models": [_shown(job, model_id)["model"] for model_id in job.models]}


def _artifacts(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    uri = _model(job, given["model_id"])["artifact_uri"]
    run_id, below = mlflow_files.split(job, uri.partition(":/")[2])
    inner = f"{below}/{given['artifact_directory_path']}" if given.get("artifact_directory_path") else below
    files = [{**each, "path": each["path"][len(below) + 1 :]} for each in mlflow_files.listed(job, run_id, inner)]
    return {"root_uri": uri, "files": files}


def _begin(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    return _search(job, given) if given["model_id"] == "search" else _make(job, given)


MODELS = {
    ("POST", ""): _begin,
    ("GET", ""): _get,
    ("PATCH", ""): _finish,
    ("PATCH", "tags"): _tag,
    ("POST", "params"): _param,
    ("GET", "artifacts/directories"): _artifacts,
}
"""Method and what follows the model's id → what answers it."""
