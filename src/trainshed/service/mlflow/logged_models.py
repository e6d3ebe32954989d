"""MLflow 3's logged models: their files are files of the run that has logged them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trainshed.errors import NotFoundException
from trainshed.runtime import mlflow_search
from trainshed.runtime.mlflow_words import (
    ARTIFACTS,
    Refused,
    folder_of,
    invalid,
    labels,
    missing,
    model_made,
    model_shown,
    now,
)
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow import artifacts as mlflow_artifacts
from trainshed.service.mlflow import experiments
from trainshed.service.transfers import FileContent
from trainshed.store.mlflow import LOGGED_MODEL

Fields = dict[str, Any]
_MOST, _USUAL = 10_000, 50
_STATUSES = ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")
_SEARCHED = {"creation_timestamp": "creation_timestamp_ms", "last_updated_timestamp": "last_updated_timestamp_ms"}
_SEARCHED |= {"creation_time": "creation_timestamp_ms", "last_updated_time": "last_updated_timestamp_ms"}


def create(context: ServiceContext, given: Fields) -> Fields:
    """POST logged-models."""
    experiment = experiments.real(context, given.get("experiment_id") or experiments.DEFAULT_ID)
    run_id, model_id = given.get("source_run_id") or "", f"m-{secrets.token_hex(16)}"
    named = bool(given.get("name"))
    told = {**given, "experiment_id": experiment["id"], "name": given.get("name") or f"model-{model_id[2:10]}"}
    if run_id and named and context.history.has(run_id):
        same = {
            each["artifact_uri"]
            for each in context.mlflow.notes(LOGGED_MODEL).values()
            if each.get("source_run_id") == run_id
        }
        uri, number = f"{ARTIFACTS}{run_id}/{told['name']}", 1
        while uri in same:
            number += 1
            uri = f"{ARTIFACTS}{run_id}/{told['name']}-{number}"
    else:
        uri = f"{ARTIFACTS}{mlflow_artifacts.MODELS}/{model_id}"
    made = model_made(told, uri, model_id)
    return {"model": model_shown(context.mlflow.change(LOGGED_MODEL, model_id, lambda _: made))}


def _model(context: ServiceContext, given: Fields) -> Fields:
    note = context.mlflow.note(LOGGED_MODEL, given["model_id"])
    if note is None:
        raise _unknown(given["model_id"])
    return note


def _unknown(model_id: str) -> Refused:
    return missing(f"Logged model with ID '{model_id[:200]}' not found.")


def _change(context: ServiceContext, given: Fields, change: Callable[[Fields], Fields]) -> Fields:
    told = {"last_updated_timestamp_ms": now()}
    changed = context.mlflow.amend(LOGGED_MODEL, given["model_id"], lambda kept: {**kept, **change(kept), **told})
    if changed is None:
        raise _unknown(given["model_id"])
    return changed


def get(context: ServiceContext, given: Fields) -> Fields:
    """GET logged-models/ID."""
    return {"model": model_shown(_model(context, given))}


def finish(context: ServiceContext, given: Fields) -> Fields:
    """PATCH logged-models/ID: all of its files are there, or they could not be uploaded."""
    status = given.get("status")
    if isinstance(status, int) and 0 < status <= len(_STATUSES):
        status = _STATUSES[status - 1]
    if status not in _STATUSES:
        raise invalid(f"Invalid value for parameter 'status' supplied: use one of {', '.join(_STATUSES)}.")
    changed = _change(context, given, lambda _: {"status": status})
    mlflow_artifacts.note_files(context, given["model_id"])
    return {"model": model_shown(changed)}


def delete(context: ServiceContext, given: Fields) -> Fields:
    """DELETE logged-models/ID: its files stay until garbage is collected."""
    _model(context, given)
    context.mlflow.forget(LOGGED_MODEL, given["model_id"])
    mlflow_artifacts.note_files(context, given["model_id"])
    return {}


def set_tags(context: ServiceContext, given: Fields) -> Fields:
    """PATCH logged-models/ID/tags."""
    tags = labels(given.get("tags"))
    return {"model": model_shown(_change(context, given, lambda kept: {"tags": {**kept["tags"], **tags}}))}


def delete_tag(context: ServiceContext, given: Fields) -> Fields:
    """DELETE logged-models/ID/tags/KEY."""
    key = given.get("tag_key", "")

    def without(kept: Fields) -> Fields:
        if key not in kept["tags"]:
            raise missing(f"No tag with key {key[:200]!r} found for model with ID {given['model_id']!r}.")
        return {"tags": {name: value for name, value in kept["tags"].items() if name != key}}

    _change(context, given, without)
    return {}


def log_params(context: ServiceContext, given: Fields) -> Fields:
    """POST logged-models/ID/params."""
    params = labels(given.get("params"), "params")
    _change(context, given, lambda kept: {"params": {**kept["params"], **params}})
    return {}


def search(context: ServiceContext, given: Fields) -> Fields:
    """POST logged-models/search."""
    passes = mlflow_search.LOGGED_MODELS.filter(given.get("filter"))
    order, wanted = _order(given), {str(each) for each in given.get("experiment_ids") or ()}
    about = [each for each in given.get("datasets") or () if isinstance(each, dict)]
    models = [each for each in context.mlflow.notes(LOGGED_MODEL).values() if each.get("experiment_id") in wanted]
    models.sort(key=lambda each: (-each["creation_timestamp_ms"], each["model_id"]))
    fields = [(_fields(each), each) for each in models if not about or _measured(each, about)]
    found = mlflow_search.ordered([each for each in fields if passes(each[0])], lambda each: each[0], order)
    some, token = mlflow_search.page(found, given, _MOST, _USUAL)
    return {"models": [model_shown(each) for _, each in some], **({"next_page_token": token} if token else {})}


def _order(given: Fields) -> list[tuple[str, str, bool]]:
    made = []
    for each in given.get("order_by") or ():
        if not isinstance(each, dict) or not isinstance(each.get("field_name"), str):
            raise invalid("Invalid order_by clause: each must be an object with a 'field_name'.")
        kind, key, _ = mlflow_search.LOGGED_MODELS.orders([each["field_name"]])[0]
        made.append((kind, key, each.get("ascending") is not False))
    return made


def _fields(model: Fields) -> Fields:
    attributes = {**model, **{name: model[kept] for name, kept in _SEARCHED.items()}}
    metrics = {each["key"]: float(each["value"]) for each in model["metrics"]}
    return {
        mlflow_search.ATTRIBUTE: attributes,
        mlflow_search.METRIC: metrics,
        mlflow_search.PARAM: model["params"],
        mlflow_search.TAG: model["tags"],
    }


def _measured(model: Fields, datasets: list[Fields]) -> bool:
    """Tell whether a model has a metric on one of some datasets."""
    return any(
        metric.get("dataset_name") == each.get("dataset_name")
        and each.get("dataset_digest") in (None, metric.get("dataset_digest"))
        for metric in model["metrics"]
        for each in datasets
    )


def _place(context: ServiceContext, model: Fields, below: str) -> mlflow_artifacts.Place:
    return mlflow_artifacts.place_of(context, f"{model['artifact_uri'][len(ARTIFACTS) :]}/{below}")


def artifacts(context: ServiceContext, given: Fields) -> Fields:
    """GET logged-models/ID/artifacts/directories: names are relative to the model's folder."""
    model = _model(context, given)
    place = _place(context, model, given.get("artifact_directory_path") or "")
    listed = folder_of(mlflow_artifacts.files(context, place), place.name)
    beginning = len(_place(context, model, "").name)
    files = [{**each, "path": each["path"][beginning:].lstrip("/")} for each in listed]
    return {"root_uri": model["artifact_uri"], "files": files}


async def get_file(request: Request, given: Fields) -> Response:
    """GET logged-models/ID/artifacts/files?artifact_file_path=…: always something to save."""
    context: ServiceContext = request.app.state.context

    def found() -> Any:
        place = _place(context, _model(context, given), given["artifact_file_path"])
        try:
            return mlflow_artifacts.opened(context, place)
        except NotFoundException:
            raise missing(f"The model has no file '{given['artifact_file_path'][:500]}'.") from None

    return FileContent(await run_in_threadpool(found), media_type="application/octet-stream")


ROUTES = {
    ("POST", "logged-models"): create,
    ("POST", "logged-models/search"): search,
    ("GET one", "logged-models"): get,
    ("PATCH one", "logged-models"): finish,
    ("DELETE one", "logged-models"): delete,
    ("PATCH one", "logged-models/tags"): set_tags,
    ("DELETE one", "logged-models/tags"): delete_tag,
    ("POST one", "logged-models/params"): log_params,
    ("GET one", "logged-models/artifacts/directories"): artifacts,
}
"""Method and route → what answers it."""
