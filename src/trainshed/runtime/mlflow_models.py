"""MLflow 3's logged models: their files are files of the run, in a folder with the model's name."""

import os

from trainshed.runtime import mlflow_files
from trainshed.runtime.mlflow_job import Job
from trainshed.runtime.mlflow_words import ARTIFACTS, labels, missing, model_made, model_shown, now

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any


def _make(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run_id = str(given.get("source_run_id") or job.run.id)
    job.find(run_id)
    name = str(given.get("name") or "model")
    with job.lock:
        same = sum(1 for model in job.models.values() if model["name"] == name and model["source_run_id"] == run_id)
        uri = f"{ARTIFACTS}{run_id}/{name}" + (f"-{same + 1}" if same else "")
        told = {**given, "experiment_id": job.name, "source_run_id": run_id}
        made = model_made(told, uri, f"m-{os.urandom(16).hex()}")
        job.models[made["model_id"]] = made
    return {"model": model_shown(made)}


def _model(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    try:
        return job.models[given["model_id"]]
    except KeyError:
        raise missing(f"No model '{given['model_id']}' was logged in this job.") from None


def _get(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    return {"model": model_shown(_model(job, given))}


def _finish(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given).update(status=str(given["status"]), last_updated_timestamp_ms=now())
    return _get(job, given)


def _tag(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given)["tags"].update(labels(given.get("tags")))
    return _get(job, given)


def _param(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _model(job, given)["params"].update(labels(given.get("params"), "params"))
    return {}


def _search(job: Job, _: "dict[str, Any]") -> "dict[str, Any]":
    return {"models": [model_shown(model) for model in job.models.values()]}


def _artifacts(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    uri = _model(job, given)["artifact_uri"]
    run_id, below = mlflow_files.split(job, uri.partition(":/")[2])
    inner = f"{below}/{given['artifact_directory_path']}" if given.get("artifact_directory_path") else below
    files = [{**each, "path": each["path"][len(below) + 1 :]} for each in mlflow_files.listed(job, run_id, inner)]
    return {"root_uri": uri, "files": files}


ROUTES = {
    ("POST", "logged-models"): _make,
    ("POST", "logged-models/search"): _search,
    ("GET one", "logged-models"): _get,
    ("PATCH one", "logged-models"): _finish,
    ("PATCH one", "logged-models/tags"): _tag,
    ("POST one", "logged-models/params"): _param,
    ("GET one", "logged-models/artifacts/directories"): _artifacts,
}
"""Method and route → what answers it."""
