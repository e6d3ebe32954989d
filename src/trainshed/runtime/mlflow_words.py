"""MLflow's words: the shapes, checks and errors of its REST API, for a job's server and for the service.

Source: MLflow's REST API, as its clients of version 3.17 call it (https://mlflow.org/docs/latest/rest-api.html).
"""

import json
from time import time

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Mapping

VERSION = "3.17.0"
"""What clients are told when they ask."""
PARAM = "mlflow.param."
"""Begins the names of the properties that hold MLflow's parameters."""
PARENT, NAME, NOTE, USER = "mlflow.parentRunId", "mlflow.runName", "mlflow.note.content", "mlflow.user"
ARTIFACTS = "mlflow-artifacts:/"
PREFIXES = ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/", "/api/3.0/mlflow/", "/api/2.0/preview/mlflow/")
STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
"""How a run has ended, in MLflow's words."""
STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
"""In the order of their numbers, from 1."""
_INFINITY = float("inf")
_INT64 = 1 << 63

FIELDS = {
    "experiments/create": "name! artifact_location tags[]",
    "experiments/get": "experiment_id!",
    "experiments/get-by-name": "experiment_name!",
    "experiments/delete": "experiment_id!",
    "experiments/restore": "experiment_id!",
    "experiments/update": "experiment_id! new_name!",
    "experiments/search": "max_results# page_token filter order_by[]",
    "experiments/set-experiment-tag": "experiment_id! key! value",
    "experiments/delete-experiment-tag": "experiment_id! key!",
    "experiments/search-datasets": "experiment_ids[]",
    "runs/create": "experiment_id user_id run_name start_time# tags[]",
    "runs/get": "run_id!",
    "runs/update": "run_id! end_time# run_name",
    "runs/delete": "run_id!",
    "runs/restore": "run_id!",
    "runs/search": "experiment_ids[] filter max_results# order_by[] page_token",
    "runs/log-metric": "run_id! key! value. timestamp# step# model_id dataset_name dataset_digest",
    "runs/log-parameter": "run_id! key! value",
    "runs/log-batch": "run_id! metrics[] params[] tags[]",
    "runs/set-tag": "run_id! key! value",
    "runs/delete-tag": "run_id! key!",
    "runs/log-inputs": "run_id! datasets[] models[]",
    "runs/outputs": "run_id! models[]",
    "runs/log-model": "run_id! model_json",
    "metrics/get-history": "run_id! metric_key! page_token max_results#",
    "metrics/get-history-bulk": "run_id[] metric_key max_results#",
    "metrics/get-history-bulk-interval": "run_ids[]! metric_key! start_step# end_step# max_results#",
    "artifacts/list": "run_id! path page_token",
    "registered-models/create": "name! tags[] description",
    "registered-models/get": "name!",
    "registered-models/rename": "name! new_name!",
    "registered-models/update": "name! description",
    "registered-models/delete": "name!",
    "registered-models/search": "filter max_results# order_by[] page_token",
    "registered-models/get-latest-versions": "name! stages[]",
    "registered-models/set-tag": "name! key! value",
    "registered-models/delete-tag": "name! key!",
    "registered-models/alias": "name! alias! version",
    "model-versions/create": "name! source! run_id tags[] run_link description model_id",
    "model-versions/get": "name! version!",
    "model-versions/update": "name! version! description",
    "model-versions/transition-stage": "name! version! stage! archive_existing_versions?",
    "model-versions/delete": "name! version!",
    "model-versions/search": "filter max_results# order_by[] page_token",
    "model-versions/get-download-uri": "name! version!",
    "model-versions/set-tag": "name! version! key! value",
    "model-versions/delete-tag": "name! version! key!",
    "logged-models": "experiment_id name model_type source_run_id tags[] params[] status",
    "logged-models/search": "experiment_ids[] filter datasets[] max_results# order_by[] page_token",
    "logged-models/tags": "tags[] tag_key",
    "logged-models/params": "params[]",
    "logged-models/artifacts/directories": "artifact_directory_path page_token",
    "logged-models/artifacts/files": "artifact_file_path!",
}
"""Route → its fields: ``!`` must be there; ``#`` is a whole number, ``.`` any number, ``?`` is true or false,
``[]`` a list, others are texts."""


class Refused(Exception):
    """A request that cannot be answered.

    Args:
        code: MLflow's code of the error.
        message: for the user.
        status: of HTTP.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    def body(self) -> "dict[str, str]":
        """Return the answer."""
        return {"error_code": self.code, "message": str(self)}


def invalid(message: str) -> Refused:
    """Return the error for a value that is none."""
    return Refused("INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> Refused:
    """Return the error for something that is not there."""
    return Refused("RESOURCE_DOES_NOT_EXIST", message, 404)


def named(path: str) -> str:
    """Return the route in a path, such as ``runs/create``; empty if it is none of MLflow's."""
    return next((path[len(prefix) :] for prefix in PREFIXES if path.startswith(prefix)), "")


def found(routes: "Mapping[tuple[str, str], Any]", method: str, name: str, given: "dict[str, Any]") -> "Any":
    """Return what answers a route, and its fields, which have been checked.

    Args:
        routes: method and route → what answers; in routes of logged models, without the model's id.
        method: of HTTP.
        name: of the route.
        given: the fields of the request.

    Raises:
        Refused: there is no such route, or a field is missing or wrong.
    """
    route, told = name, dict(given)
    if name.startswith("logged-models/") and name != "logged-models/search":
        _, model_id, more = (name + "/").split("/", 2)
        parts = more.strip("/").split("/")
        if parts[0] == "tags" and len(parts) > 1:
            told["tag_key"] = "/".join(parts[1:])
            parts = parts[:1]
        route, told["model_id"] = "/".join(["logged-models", *filter(None, parts)]), model_id
        method = f"{method} one"
    if (method, route) not in routes:
        raise Refused("ENDPOINT_NOT_FOUND", f"Trainshed does not answer {method} {name[:200]}.", 404)
    if told.get("run_uuid") and not told.get("run_id"):
        told["run_id"] = told["run_uuid"]  # as it was called in MLflow 1
    return routes[method, route], checked(route, told)


def checked(route: str, given: "dict[str, Any]") -> "dict[str, Any]":
    """Return the fields of a request, with numbers as numbers.

    Raises:
        Refused: a field is missing or of another type.
    """
    for spec in FIELDS.get(route, "").split():
        name, needed = spec.rstrip("!#.?[]"), spec.endswith("!")
        value, kind = given.get(name), spec[len(name) :].rstrip("!")
        if value is None or (needed and value in ("", [])):
            if needed:
                raise invalid(
                    f"Missing value for required parameter '{name}'. See MLflow's REST API for what it takes."
                )
            given.pop(name, None)
            continue
        given[name] = _typed(name, value, kind)
    return given


def _typed(name: str, value: "Any", kind: str) -> "Any":
    if kind == "[]" and isinstance(value, list):
        return value
    if kind == "#":
        return whole(value, name)
    if kind == ".":
        return number(value, name)
    if kind == "" and isinstance(value, str):
        return value
    if kind == "?" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise _wrong(name, value)


def _wrong(name: str, value: "Any") -> Refused:
    told = json.dumps(value, default=str)[:200]
    return invalid(f"Invalid value {told} for parameter '{name}' supplied: its type is {type(value).__name__}.")


def whole(value: "Any", name: str) -> int:
    """Return a whole number, which MLflow's clients may also send as text.

    Raises:
        Refused: it is none, or has more than 64 bits.
    """
    try:
        if not isinstance(value, bool) and (not isinstance(value, str) or len(value) < 20):
            made = int(value)
            if made == float(value) and -_INT64 <= made < _INT64:
                return made
    except (TypeError, ValueError, OverflowError):
        pass
    raise _wrong(name, value)


def number(value: "Any", name: str = "value") -> float:
    """Return a number; MLflow spells those that JSON lacks as text.

    Raises:
        Refused: it is none.
    """
    try:
        if not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise _wrong(name, value)


def labels(given: "Any", name: str = "tags") -> "dict[str, str]":
    """Return a list of MLflow's tags or parameters as a dict.

    Raises:
        Refused: it is none.
    """
    found: "dict[str, str]" = {}
    for place, each in enumerate(given or ()):
        key, value = (each.get("key"), each.get("value", "")) if isinstance(each, dict) else (None, None)
        if not key:
            raise invalid(f"Missing value for required parameter '{name}[{place}].key'.")
        if not isinstance(key, str):
            raise _wrong(f"{name}[{place}].key", key)
        if value is not None and not isinstance(value, str):
            raise _wrong(f"{name}[{place}].value", value)
        found[key] = value or ""
    return found


def pairs(found: "Mapping[str, str | None]") -> "list[dict[str, str]]":
    """Return a dict as a list of MLflow's tags or parameters."""
    return [{"key": key, "value": value or ""} for key, value in found.items()]


def points(metrics: "list[Any]", name: str = "metrics") -> "list[dict[str, Any]]":
    """Return points of metrics, with numbers as numbers.

    Raises:
        Refused: one has no key or no time, or a value is no number.
    """
    made = []
    for place, each in enumerate(metrics):
        if not isinstance(each, dict):
            raise _wrong(f"{name}[{place}]", each)
        for field in ("key", "timestamp"):
            if each.get(field) in (None, ""):
                raise invalid(f"Missing value for required parameter '{name}[{place}].{field}'.")
        for field in ("key", "model_id", "dataset_name", "dataset_digest"):
            if not isinstance(each.get(field, ""), (str, type(None))):
                raise _wrong(f"{name}[{place}].{field}", each[field])
        told = {"value": number(each.get("value", 0.0), "value"), "step": whole(each.get("step") or 0, "step")}
        made.append({**each, **told, "timestamp": whole(each["timestamp"], "timestamp")})
    return made


def fresh(told: "list[dict[str, Any]]", history: "Any") -> "list[dict[str, Any]]":
    """Return the points that are new: with a model, MLflow sends again what its run has logged before.

    Args:
        told: points in MLflow's words.
        history: returns those that the run has of a metric.
    """
    keys = {each["key"] for each in told if each.get("model_id")}
    known = {_facts(each) for key in keys for each in history(key)}
    return [each for each in told if not each.get("model_id") or _facts(each) not in known]


def _facts(each: "dict[str, Any]") -> "tuple[Any, ...]":
    return each["key"], str(float(each["value"])), each["step"], each["timestamp"]


def conflict(there: "Mapping[str, Any]", params: "Mapping[str, str]") -> None:
    """Refuse to change the value of a parameter.

    Args:
        there: the properties of a run.
        params: what is to be logged, by name.

    Raises:
        Refused: another value is there.
    """
    for name, value in params.items():
        old = there.get(PARAM + name, value)
        if old != value:
            raise invalid(
                f"Changing param values is not allowed. Param with key='{name}' was already logged with "
                f"value='{old}'; attempted to log new value '{value}'."
            )


def shown(value: float) -> "float | str":
    """Return a number as MLflow's JSON has it, which spells out those that JSON lacks."""
    if -_INFINITY < value < _INFINITY:
        return value
    return {"nan": "NaN", "inf": "Infinity"}.get(repr(float(value)), "-Infinity")


def point(key: str, value: float, step: "int | None", moment: float) -> "dict[str, Any]":
    """Return a point of a metric in MLflow's words; ``moment`` is in seconds."""
    return {"key": key, "value": shown(value), "step": step or 0, "timestamp": millis(moment)}


def millis(moment: float) -> int:
    """Return seconds since the epoch as MLflow's milliseconds."""
    return round(moment * 1000)


def now() -> int:
    """Return the time in milliseconds."""
    return int(time() * 1000)


def run_shown(
    info: "dict[str, Any]",
    metrics: "list[dict[str, Any]]",
    params: "Mapping[str, str | None]",
    tags: "Mapping[str, str | None]",
    more: "Mapping[str, Any] | None" = None,
) -> "dict[str, Any]":
    """Return a run.

    Args:
        info: its ``run_id``, ``run_name``, ``experiment_id``, ``status``, ``start_time`` and so on.
        metrics: the newest point of each.
        params: its parameters.
        tags: its tags.
        more: its ``inputs`` and ``outputs``.
    """
    whole_info = {
        "run_uuid": info["run_id"],
        "artifact_uri": f"{ARTIFACTS}{info['run_id']}",
        "lifecycle_stage": "active",
        **info,
    }
    data = {"metrics": metrics, "params": pairs(params), "tags": pairs(tags)}
    return {"info": whole_info, "data": data, "inputs": {}, **(more or {})}


def experiment_shown(experiment_id: str, name: str, created: float, **more: "Any") -> "dict[str, Any]":
    """Return an experiment; ``created`` is in seconds."""
    made = millis(created)
    about = {"experiment_id": experiment_id, "name": name, "lifecycle_stage": "active", "tags": []}
    return {**about, "creation_time": made, "last_update_time": made, **more}


def model_made(given: "dict[str, Any]", uri: str, model_id: str) -> "dict[str, Any]":
    """Return a new logged model, as it is kept: its tags and parameters are dicts.

    Args:
        given: the fields of the request.
        uri: where its files are.
        model_id: its id.
    """
    moment = now()
    return {
        "model_id": model_id,
        "experiment_id": str(given.get("experiment_id") or ""),
        "name": str(given.get("name") or "model"),
        "creation_timestamp_ms": moment,
        "last_updated_timestamp_ms": moment,
        "artifact_uri": uri,
        "status": "LOGGED_MODEL_PENDING",
        "source_run_id": str(given.get("source_run_id") or ""),
        "model_type": str(given.get("model_type") or ""),
        "tags": labels(given.get("tags")),
        "params": labels(given.get("params"), "params"),
        "metrics": [],
    }


def model_shown(kept: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return a logged model."""
    info = {name: value for name, value in kept.items() if name not in ("tags", "params", "metrics")}
    data = {"params": pairs(kept["params"]), "metrics": kept["metrics"]}
    return {"info": {**info, "tags": pairs(kept["tags"])}, "data": data}


def folder_of(files: "list[tuple[str, int | None]]", below: str) -> "list[dict[str, Any]]":
    """Return the files and folders directly in a folder.

    Args:
        files: names and sizes of all files.
        below: the folder; ``""`` for the outermost.
    """
    listed: "dict[str, dict[str, Any]]" = {}
    prefix = f"{below}/" if below else ""
    for name, size in files:
        if name.startswith(prefix):
            first, _, more = name[len(prefix) :].partition("/")
            about = {"path": prefix + first, "is_dir": bool(more)}
            listed[prefix + first] = about if more or size is None else {**about, "file_size": size}
        elif name == below:
            listed[name] = {"path": name, "is_dir": False, **({} if size is None else {"file_size": size})}
    return [listed[name] for name in sorted(listed)]
