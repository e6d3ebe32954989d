"""MLflow's routes, answered from a job: each takes a request's fields and returns the answer's."""

import os

from trainshed.runtime import mlflow_files, mlflow_search
from trainshed.runtime.mlflow_job import Job
from trainshed.runtime.mlflow_models import ROUTES as MODELS
from trainshed.runtime.mlflow_words import ARTIFACTS, NAME, NOTE, PARENT, VERSION, Refused, found, labels, named, now

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

_MOST = 50_000


def call(job: Job, method: str, path: str, given: "dict[str, Any]") -> "dict[str, Any] | bytes":
    """Answer a request.

    Args:
        job: the job.
        method: of HTTP.
        path: of the address.
        given: the request's fields.

    Raises:
        Refused: it cannot be answered.
    """
    if path in ("/version", "/health"):
        return VERSION.encode() if path == "/version" else b"OK"
    try:
        answer, fields = found(ROUTES, method, named(path), given)
    except Refused as refused:
        if refused.status != 404:
            raise
        raise Refused(
            refused.code,
            f"Trainshed does not answer {method} {path} inside a job. Metrics, parameters, tags, files and models that "
            "MLflow logs there become part of its run.",
            404,
        ) from None
    shown: "dict[str, Any]" = answer(job, fields)
    return shown


def _experiment(job: Job, _: "dict[str, Any]") -> "dict[str, Any]":
    # Whatever experiment a script chooses: in a job, its runs belong to the job's experiment.
    return {"experiment": job.experiment}


def _make_experiment(job: Job, _: "dict[str, Any]") -> "dict[str, Any]":
    return {"experiment_id": job.experiment["experiment_id"]}


def _experiments(job: Job, _: "dict[str, Any]") -> "dict[str, Any]":
    return {"experiments": [job.experiment]}


def _nothing(_: Job, __: "dict[str, Any]") -> "dict[str, Any]":
    return {}


def _get_run(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    return {"run": job.whole(given["run_id"])}


def _make_run(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    """A run that a script begins besides the job's own is a child of it."""
    tags = labels(given.get("tags"))
    above = tags.get(PARENT, job.run.id)
    name = str(given.get("run_name") or tags.get(NAME) or "") or None
    child: "Any" = job.find(above).child_run(name=name)
    with job.lock:
        job.children[child.id] = child
    _tag(child, tags)
    return {"run": job.whole(child.id)}


def _tag(run: "Any", tags: "dict[str, str]") -> None:
    for key, value in tags.items():
        if key == NOTE:
            run.description = value
        run.tag(key, value)


def _update_run(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run_id = given["run_id"]
    run: "Any" = job.find(run_id)
    status = given.get("status")
    if run is not job.run and status in ("FINISHED", 3):
        run.complete()
    elif run is not job.run and status in ("FAILED", "KILLED", 4, 5):
        run.fail("MLflow has ended it as failed.")
    # How the job's own run ends is decided by its script's exit code.
    told = status if isinstance(status, str) and run is job.run else None
    return {"run_info": job.whole(run_id, given.get("run_name"), told)["info"]}


def _log_metric(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    job.log(given["run_id"], [{"timestamp": 0, **given}])
    return {}


def _log_param(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    job.set_params(given["run_id"], [given])
    return {}


def _log_batch(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run_id = given["run_id"]
    job.set_params(run_id, given.get("params") or [])
    job.log(run_id, given.get("metrics") or [])
    _tag(job.find(run_id), labels(given.get("tags")))
    return {}


def _set_tag(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    _tag(job.find(given["run_id"]), {str(given["key"]): str(given.get("value", ""))})
    return {}


def _delete_tag(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    job.find(given["run_id"]).remove_tags([str(given["key"])])
    return {}


def _log_inputs(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run: "Any" = job.find(given["run_id"])
    there = run.get_properties()
    for each in given.get("datasets") or ():
        dataset = each["dataset"]
        name = f"mlflow.dataset.{dataset.get('name', '')}"
        if name not in there:
            run.add_properties({name: str(dataset.get("digest", ""))})
    return {}


def _history(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    points = job.history(given["run_id"], given["metric_key"])
    shown, token = mlflow_search.page(points, given, _MOST, max(len(points), 1))
    return {"metrics": shown, **({"next_page_token": token} if token else {})}


def _search_runs(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    passes = mlflow_search.RUNS.filter(given.get("filter"))
    runs = [(mlflow_search.fields_of(run), run) for run in map(job.whole, [job.run.id, *job.children])]
    order = mlflow_search.RUNS.orders(given.get("order_by") or ())
    wanted = mlflow_search.ordered([run for run in runs if passes(run[0])], lambda run: run[0], order)
    shown, token = mlflow_search.page(wanted, given, _MOST, 1000)
    return {"runs": [run for _, run in shown], **({"next_page_token": token} if token else {})}


def _artifacts(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    run_id = given["run_id"]
    _, below = mlflow_files.split(job, f"{run_id}/{given.get('path', '')}")
    return {"root_uri": ARTIFACTS + run_id, "files": mlflow_files.listed(job, run_id, below)}


def _registered(_: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    moment = now()
    about = {"creation_timestamp": moment, "last_updated_timestamp": moment}
    return {"registered_model": {"name": str(given["name"]), **about}}


def _register(job: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    """A version of a model is a model of the workspace."""
    name, source = str(given["name"]), str(given.get("source", ""))
    _, _, path = source.partition(":/")
    model = job.models.get(path.strip("/")) if source.startswith("models:") else None
    where = model["artifact_uri"].partition(":/")[2] if model else path
    run_id, below = mlflow_files.split(job, where)
    made: "Any" = job.find(run_id).register_model(name, below, tags=labels(given.get("tags")))
    moment = now()
    return {
        "model_version": {
            "name": name,
            "version": str(made.version),
            "creation_timestamp": moment,
            "last_updated_timestamp": moment,
            "current_stage": "None",
            "source": source,
            "run_id": run_id,
            "status": "READY",
            "user_id": os.environ.get("USER", ""),
        }
    }


def _version(_: Job, given: "dict[str, Any]") -> "dict[str, Any]":
    # A version is ready when it was made.
    return {"model_version": {"name": str(given["name"]), "version": str(given["version"]), "status": "READY"}}


def _server_info(_: Job, __: "dict[str, Any]") -> "dict[str, Any]":
    return {"store_type": "Trainshed"}


ROUTES = {
    **MODELS,
    ("GET", "experiments/get"): _experiment,
    ("GET", "experiments/get-by-name"): _experiment,
    ("POST", "experiments/create"): _make_experiment,
    ("POST", "experiments/search"): _experiments,
    ("GET", "experiments/search"): _experiments,
    ("GET", "experiments/list"): _experiments,
    ("POST", "experiments/set-experiment-tag"): _nothing,
    ("POST", "experiments/restore"): _nothing,
    ("GET", "runs/get"): _get_run,
    ("POST", "runs/create"): _make_run,
    ("POST", "runs/update"): _update_run,
    ("POST", "runs/log-metric"): _log_metric,
    ("POST", "runs/log-parameter"): _log_param,
    ("POST", "runs/log-batch"): _log_batch,
    ("POST", "runs/set-tag"): _set_tag,
    ("POST", "runs/delete-tag"): _delete_tag,
    ("POST", "runs/log-inputs"): _log_inputs,
    ("POST", "runs/outputs"): _nothing,
    ("POST", "runs/log-model"): _nothing,
    ("POST", "runs/search"): _search_runs,
    ("GET", "metrics/get-history"): _history,
    ("GET", "artifacts/list"): _artifacts,
    ("POST", "registered-models/create"): _registered,
    ("GET", "registered-models/get"): _registered,
    ("POST", "model-versions/create"): _register,
    ("GET", "model-versions/get"): _version,
    ("GET", "server-info"): _server_info,
}
"""Method and route → what answers it."""
