"""Runs, for MLflow's clients: one that they create is a run whose script is a program of theirs."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from functools import partial
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.runtime.mlflow_words import (
    ARTIFACTS,
    NAME,
    NOTE,
    PARAM,
    PARENT,
    STATUS,
    STATUSES,
    USER,
    Refused,
    conflict,
    fresh,
    invalid,
    labels,
    millis,
    missing,
    now,
    number,
    point,
    points,
    run_shown,
)
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow import experiments as mlflow_experiments
from trainshed.spec import states
from trainshed.spec.arguments import parameter_texts
from trainshed.spec.run import RunSpec
from trainshed.store.mlflow import LOGGED_MODEL, RUN, RunRow, params_of
from trainshed.store.values import lenient_json
from trainshed.targets.witness import INTERACTIVE

Fields = dict[str, Any]
Newest = list[tuple[str, "int | None", float, float]]
_DATASET = "mlflow.dataset."
_SOURCE = "mlflow.source.git."
"""Begins the names of properties that say which commit a run is of; clients have them among their tags."""
_SCHEDULED = frozenset({states.NOT_STARTED, states.QUEUED, states.PROVISIONING, states.PREPARING, states.STARTING})
_OUTCOMES = {"FINISHED": "completed", "FAILED": "failed", "KILLED": "canceled"}
_MODEL_METRICS = 10_000


def shown(row: RunRow, newest: Newest, experiments: dict[str, Fields]) -> Fields:
    """Return a run in MLflow's words.

    Args:
        row: the run.
        newest: the newest point of each of its metrics.
        experiments: by their names.
    """
    tags: dict[str, Any] = {} if row.tags == "{}" else lenient_json(row.tags)
    properties = {} if row.properties == "{}" else lenient_json(row.properties)
    experiment, note = experiments[row.experiment], lenient_json(row.note) if row.note else {}
    name = row.display_name or row.id
    tags = {**{key: value for key, value in properties.items() if key.startswith(_SOURCE)}, **tags, NAME: name}
    if row.parent:
        tags[PARENT] = row.parent
    if row.description:
        tags[NOTE] = row.description
    place = f"{experiment['location']}/{row.id}/artifacts" if experiment["location"] else f"{ARTIFACTS}{row.id}"
    info = {
        "run_id": row.id,
        "run_name": name,
        "experiment_id": experiment["id"],
        "user_id": tags.get(USER) or "unknown",
        "status": STATUS.get(row.status) or ("SCHEDULED" if row.status in _SCHEDULED else "RUNNING"),
        "start_time": millis(row.created if row.started is None else row.started),
        **({} if row.ended is None else {"end_time": millis(row.ended)}),
        "artifact_uri": place,
        "lifecycle_stage": "active" if row.archived is None else "deleted",
    }
    params = params_of(properties)
    if row.arguments and row.arguments != "[]":
        params = {**parameter_texts(json.loads(row.arguments)), **params}
    return run_shown(
        info, [point(*each) for each in _in_order(newest)], params, tags, _used(row.properties, properties, note)
    )


def _in_order(newest: Newest) -> list[tuple[str, float, int | None, float]]:
    return [(name, value, step, moment) for name, step, moment, value in newest]


def _used(text: str, properties: Fields, note: Fields) -> Fields:
    """Return the datasets and models that a run has read and made; ``text`` is its properties as they are kept."""
    if not note and _DATASET not in text:
        return {}
    datasets = note.get("datasets") or [
        {"dataset": {"name": key[len(_DATASET) :], "digest": value or "", "source_type": "local", "source": "{}"}}
        for key, value in properties.items()
        if key.startswith(_DATASET)
    ]
    inputs = {"dataset_inputs": datasets, "model_inputs": note.get("models") or []}
    outputs = {"model_outputs": note["outputs"]} if note.get("outputs") else {}
    return {"inputs": {kind: each for kind, each in inputs.items() if each}, "outputs": outputs}


def row_of(context: ServiceContext, run_id: str, active: bool = False) -> RunRow:
    """Return a run.

    Args:
        context: the service's parts.
        run_id: its id.
        active: it must not be deleted.

    Raises:
        Refused: there is none, or it is deleted.
    """
    row = context.mlflow.run(run_id)
    if row is None:
        raise missing(f"Run with id={run_id[:200]} not found")
    if active and row.archived is not None:
        raise _deleted(run_id)
    return row


def _deleted(run_id: str) -> Refused:
    return invalid(f"The run {run_id} must be in the 'active' state. Current state is deleted.")


def whole(context: ServiceContext, run_id: str) -> Fields:
    """Return a run by its id, with all that it has logged until now."""
    row = row_of(context, run_id)
    if row.status not in states.TERMINAL and row.kind != INTERACTIVE:
        context.supervisor.look(run_id)
        row = row_of(context, run_id)
    by_name = {each["name"]: each for each in mlflow_experiments.known(context).values()}
    return shown(row, context.mlflow.newest([run_id]).get(run_id, []), by_name)


def create(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/create."""
    experiment = mlflow_experiments.real(context, given.get("experiment_id") or mlflow_experiments.DEFAULT_ID)
    if experiment["archived"] is not None:
        raise Refused(
            "INVALID_STATE", f"The experiment {experiment['id']} must be in the 'active' state. It is deleted."
        )
    tags = labels(given.get("tags"))
    if given.get("user_id") and tags.get(USER) is None and given["user_id"] != "unknown":
        tags[USER] = given["user_id"]
    name, note, parent = given.get("run_name") or tags.get(NAME), tags.pop(NOTE, None), tags.get(PARENT)
    if name and tags.get(NAME) not in (None, name):
        raise invalid(f"Both 'run_name' argument and '{NAME}' tag are specified, but with different values.")
    tags.pop(NAME, None)
    if parent is not None and context.history.has(parent):
        tags.pop(PARENT)
    else:
        parent = None
    commit = {key: tags.pop(key) for key in list(tags) if key.startswith(_SOURCE)}
    spec = RunSpec(
        experiment["name"], display_name=name, parent=parent, tags=tags, properties=commit, target=INTERACTIVE
    )._replace(kind=INTERACTIVE)
    begun = given["start_time"] / 1000 if given.get("start_time") else None
    run_id = uuid.uuid4().hex
    context.supervisor.begin(run_id, run_id, spec, {"elsewhere": {"client": "mlflow"}}, True, begun)
    if note is not None:
        context.history.set_description(run_id, note)
    return {"run": whole(context, run_id)}


def get(context: ServiceContext, given: Fields) -> Fields:
    """GET runs/get."""
    return {"run": whole(context, given["run_id"])}


def update(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/update: a run ends once, and what is said of its end later changes nothing."""
    run_id, status = given["run_id"], given.get("status")
    row = row_of(context, run_id, active=True)
    if isinstance(status, int) and 0 < status <= len(STATUSES):
        status = STATUSES[status - 1]
    if status is not None and status not in STATUSES:
        raise invalid(f"Invalid value {json.dumps(status)[:200]} for parameter 'status' supplied.")
    if given.get("run_name"):
        context.history.set_display_name(run_id, given["run_name"])
    if status in _OUTCOMES and row.status not in states.TERMINAL:
        _end(context, row, _OUTCOMES[status], given.get("end_time"))
    context.bus.publish(run_id)
    return {"run_info": whole(context, run_id)["info"]}


def _end(context: ServiceContext, row: RunRow, outcome: str, ended: int | None) -> None:
    if row.kind != INTERACTIVE:
        # How it ends is decided by its script's exit code; but whoever calls may stop it.
        if outcome == "canceled":
            context.supervisor.cancel(row.id)
        return
    message = "MLflow's client has ended it as failed." if outcome == "failed" else ""
    reason = "canceled_by_user" if outcome == "canceled" else "exit"
    moment = {"time": ended / 1000} if ended and 0 < ended / 1000 <= time.time() + 1 else {}
    context.supervisor.end(row.id, {"outcome": outcome, "reason": reason, "message": message, **moment})


def delete(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/delete: it is archived, and can be restored."""
    row_of(context, given["run_id"], active=True)
    context.history.note(given["run_id"], {"archived": time.time()})
    context.bus.publish(given["run_id"])
    return {}


def restore(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/restore."""
    row_of(context, given["run_id"])
    context.history.note(given["run_id"], {"archived": None})
    context.bus.publish(given["run_id"])
    return {}


def log_metric(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/log-metric."""
    number(given.get("value"))
    _log(context, given["run_id"], points([{"timestamp": now(), **given}], "metric"))
    return {}


def _log(context: ServiceContext, run_id: str, told: list[Fields]) -> None:
    """Store points of metrics, with those of models among them."""
    archived = context.mlflow.lifecycle(run_id)
    if archived is False:
        raise missing(f"Run with id={run_id[:200]} not found")
    if archived is not None:
        raise _deleted(run_id)
    numbers = partial(context.metrics.numbers, run_id)
    new = fresh(told, lambda key: [point(key, value, step, at) for step, at, value in numbers(key)])
    warnings = context.metrics.add(run_id, [_event(each) for each in new])
    for model_id in {each["model_id"] for each in told if each.get("model_id")}:
        mine = [each for each in told if each.get("model_id") == model_id]
        context.mlflow.amend(LOGGED_MODEL, str(model_id), partial(_of_model, run_id, mine))
    context.bus.publish(run_id)
    if warnings:
        raise invalid(warnings[0])


def _event(each: Fields) -> Fields:
    value = each["value"]
    spelled = point("", value, 0, 0.0)["value"]
    told = {"v": value} if spelled == value else {"x": spelled}
    return {"k": "metric", "n": each["key"], "s": each["step"], "t": each["timestamp"] / 1000, **told}


def _of_model(run_id: str, told: list[Fields], model: Fields) -> Fields:
    """Return a logged model with points of its metrics: the newest of each run and dataset."""
    about = ("key", "dataset_name", "dataset_digest", "run_id")
    found = {tuple(each.get(name) for name in about): each for each in model["metrics"]}
    for each in told:
        spelled = point(each["key"], each["value"], each["step"], each["timestamp"] / 1000)
        more = {name: each[name] for name in ("dataset_name", "dataset_digest", "model_id") if each.get(name)}
        made = {**spelled, **more, "run_id": run_id}
        found[tuple(made.get(name) for name in about)] = made
    return {**model, "metrics": list(found.values())[-_MODEL_METRICS:]}


def log_param(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/log-parameter."""
    _params(context, given["run_id"], {given["key"]: given.get("value", "")})
    return {}


def _params(context: ServiceContext, run_id: str, params: dict[str, str]) -> None:
    row = row_of(context, run_id, active=True)
    conflict(lenient_json(row.properties), params)
    context.history.add_properties(run_id, {PARAM + name: value for name, value in params.items()})


def _tags(context: ServiceContext, run_id: str, tags: dict[str, str]) -> None:
    row_of(context, run_id, active=True)
    told = dict(tags)
    if NAME in told:
        context.history.set_display_name(run_id, told.pop(NAME) or None)
    if NOTE in told:
        context.history.set_description(run_id, told.pop(NOTE))
    if told:
        context.history.set_tags(run_id, told)
    context.bus.publish(run_id)


def log_batch(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/log-batch: all that is wrong with it is found before anything is stored."""
    run_id = given["run_id"]
    told = points(given.get("metrics") or [])
    params, tags = labels(given.get("params"), "params"), labels(given.get("tags"))
    row_of(context, run_id, active=True)
    if params:
        _params(context, run_id, params)
    if tags:
        _tags(context, run_id, tags)
    if told:
        _log(context, run_id, told)
    return {}


def set_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/set-tag."""
    _tags(context, given["run_id"], {given["key"]: given.get("value", "")})
    return {}


def delete_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/delete-tag."""
    run_id, key = given["run_id"], given["key"]
    row = row_of(context, run_id, active=True)
    if key == NOTE and row.description:
        context.history.set_description(run_id, None)
    elif key in lenient_json(row.tags):
        context.history.remove_tags(run_id, [key])
    else:
        raise missing(f"No tag with name: {key[:200]} in run with id {run_id}")
    context.bus.publish(run_id)
    return {}


def log_inputs(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/log-inputs."""
    run_id, datasets, models = given["run_id"], given.get("datasets") or [], given.get("models") or []
    row_of(context, run_id, active=True)
    named = {}
    for place, each in enumerate(datasets):
        dataset = each.get("dataset") if isinstance(each, dict) else None
        if not isinstance(dataset, dict) or not isinstance(dataset.get("name"), str) or not dataset["name"]:
            raise invalid(f"Missing value for required parameter 'datasets[{place}].dataset.name'.")
        labels(each.get("tags"), f"datasets[{place}].tags")
        named[_DATASET + dataset["name"]] = str(dataset.get("digest") or "")
    there = context.history.get(run_id)["properties"]
    context.history.add_properties(run_id, {key: value for key, value in named.items() if key not in there})

    def added(kept: Fields | None) -> Fields:
        note = kept or {}
        return {
            **note,
            "datasets": _joined(note.get("datasets"), datasets),
            "models": _joined(note.get("models"), models),
        }

    context.mlflow.change(RUN, run_id, added)
    return {}


def _joined(kept: list[Any] | None, new: list[Any]) -> list[Any]:
    return [*(kept or []), *(each for each in new if each not in (kept or []))]


def log_outputs(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/outputs."""
    row_of(context, given["run_id"], active=True)
    models = given.get("models") or []

    def added(kept: Fields | None) -> Fields:
        note = kept or {}
        return {**note, "outputs": _joined(note.get("outputs"), models)}

    context.mlflow.change(RUN, given["run_id"], added)
    return {}


def log_model(context: ServiceContext, given: Fields) -> Fields:
    """POST runs/log-model, by which clients of MLflow 2 tell of a model whose files they have uploaded."""
    row = row_of(context, given["run_id"], active=True)
    try:
        told = json.loads(given.get("model_json") or "null")
        before = json.loads(lenient_json(row.tags).get("mlflow.log-model.history") or "[]")
    except (ValueError, TypeError, RecursionError):
        told, before = None, []
    if not isinstance(told, dict) or not isinstance(before, list):
        raise invalid("Malformed model info: 'model_json' must be a JSON object.")
    with contextlib.suppress(UserErrorException):  # too long for a tag; the model's files tell the same
        _tags(context, row.id, {"mlflow.log-model.history": json.dumps([*before, told])})
    return {}


ROUTES = {
    ("GET", "runs/get"): get,
    ("POST", "runs/create"): create,
    ("POST", "runs/update"): update,
    ("POST", "runs/delete"): delete,
    ("POST", "runs/restore"): restore,
    ("POST", "runs/log-metric"): log_metric,
    ("POST", "runs/log-parameter"): log_param,
    ("POST", "runs/log-batch"): log_batch,
    ("POST", "runs/set-tag"): set_tag,
    ("POST", "runs/delete-tag"): delete_tag,
    ("POST", "runs/log-inputs"): log_inputs,
    ("POST", "runs/outputs"): log_outputs,
    ("POST", "runs/log-model"): log_model,
}
"""Method and route → what answers it."""
