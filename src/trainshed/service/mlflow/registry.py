"""Registered models, for MLflow's clients: their versions are models of the workspace."""

from __future__ import annotations

import json
import time
from typing import Any

from trainshed.errors import NotFoundException
from trainshed.runtime import mlflow_search
from trainshed.runtime.mlflow_words import Refused, invalid, labels, millis, missing, pairs
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow.sources import copied, version_of
from trainshed.service.models import remove
from trainshed.store.catalog import check_name
from trainshed.store.mlflow import LOGGED_MODEL, MODEL

Fields = dict[str, Any]
_STAGES = ("None", "Staging", "Production", "Archived")
_MOST, _USUAL = 10_000, 100
_MOST_VERSIONS = 200_000
_ALIAS = 255
_NO_PROMPT = {"mlflow.prompt.is_prompt": "false"}
"""Clients always ask for models that are none of MLflow's prompts, which are kept in the same place."""


def _check(name: str) -> None:
    check_name("model", name)
    if ":" in name:
        raise invalid(f"Registered model name cannot be '{name[:200]}': it must not contain '/' or ':'.")


def _model(context: ServiceContext, name: str) -> Fields:
    """Return what is noted of a registered model: times in seconds, description, tags, aliases.

    Raises:
        Refused: there is none.
    """
    note = context.mlflow.note(MODEL, name)
    if note is not None:
        return note
    versions = context.catalog.list("model", name)
    if not versions:
        raise missing(f"Registered Model with name={name[:200]} not found")
    return _by_versions(versions)


def _by_versions(versions: list[Fields]) -> Fields:
    """Return the note of a model that was registered without MLflow."""
    created = [each["created"] for each in versions]
    return {"created": min(created), "updated": max(created), "description": "", "tags": {}, "aliases": {}}


def _change(context: ServiceContext, name: str, touch: bool = True, **changes: Any) -> Fields:
    kept = {**_model(context, name), **({"updated": time.time()} if touch else {}), **changes}
    return context.mlflow.change(MODEL, name, lambda now: {**(now or {}), **kept})


def _version(context: ServiceContext, name: str, version: Any) -> Fields:
    text = str(version)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise invalid(f"Parameter 'version' must be an integer, got '{text[:200]}'.")
    try:
        return context.catalog.get("model", name, int(text))
    except NotFoundException:
        raise missing(f"Model Version (name={name[:200]}, version={text}) not found") from None


def _version_shown(entry: Fields, note: Fields | None) -> Fields:
    record = entry["record"]
    mine = record.get("mlflow") or {}
    aliases = (note or {}).get("aliases") or {}
    created = millis(entry["created"])
    told = {
        "name": entry["name"],
        "version": str(entry["version"]),
        "creation_timestamp": created,
        "last_updated_timestamp": millis(mine["updated"]) if mine.get("updated") else created,
        "current_stage": mine.get("stage", "None"),
        "description": record.get("description") or "",
        "source": mine.get("source") or f"models:/{entry['name']}/{entry['version']}",
        "run_id": mine.get("run_id") or record.get("run_id") or "",
        "status": "READY",
        "tags": pairs(entry["tags"]),
        "aliases": sorted(name for name, version in aliases.items() if version == str(entry["version"])),
    }
    more = {name: mine[name] for name in ("run_link", "model_id") if mine.get(name)}
    return {**told, **more}


def _shown(name: str, note: Fields, versions: list[Fields]) -> Fields:
    latest: dict[str, Fields] = {}
    for entry in sorted(versions, key=lambda each: each["version"]):
        latest[(entry["record"].get("mlflow") or {}).get("stage", "None")] = entry
    told = {
        "name": name,
        "creation_timestamp": millis(note["created"]),
        "last_updated_timestamp": millis(note["updated"]),
        "description": note.get("description") or "",
        "latest_versions": [_version_shown(entry, note) for entry in latest.values()],
        "tags": pairs(note.get("tags") or {}),
        "aliases": [{"alias": key, "version": value} for key, value in (note.get("aliases") or {}).items()],
    }
    return {key: value for key, value in told.items() if value not in ("", [])}


def _whole(context: ServiceContext, name: str) -> Fields:
    return _shown(name, _model(context, name), context.catalog.list("model", name))


def create(context: ServiceContext, given: Fields) -> Fields:
    """POST registered-models/create."""
    name = given["name"]
    _check(name)
    tags = labels(given.get("tags"))
    moment = time.time()
    fresh = {"created": moment, "updated": moment, "description": given.get("description", ""), "tags": tags}

    def made(kept: Fields | None) -> Fields:
        if kept is not None or context.catalog.list("model", name):
            raise Refused("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        return {**fresh, "aliases": {}}

    return {"registered_model": _shown(name, context.mlflow.change(MODEL, name, made), [])}


def get(context: ServiceContext, given: Fields) -> Fields:
    """GET registered-models/get."""
    return {"registered_model": _whole(context, given["name"])}


def rename(context: ServiceContext, given: Fields) -> Fields:
    """POST registered-models/rename."""
    name, new = given["name"], given["new_name"]
    _check(new)
    _change(context, name)
    if context.mlflow.note(MODEL, new) is not None or context.catalog.list("model", new):
        raise Refused("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={new}) already exists.")
    context.mlflow.rename_model(name, new)
    return {"registered_model": _whole(context, new)}


def update(context: ServiceContext, given: Fields) -> Fields:
    """PATCH registered-models/update."""
    _change(context, given["name"], description=given.get("description", ""))
    return {"registered_model": _whole(context, given["name"])}


def delete(context: ServiceContext, given: Fields) -> Fields:
    """DELETE registered-models/delete: with all its versions."""
    name = given["name"]
    _model(context, name)
    for entry in context.catalog.list("model", name):
        remove(context, name, entry["version"])
    context.mlflow.forget(MODEL, name)
    return {}


def search(context: ServiceContext, given: Fields) -> Fields:
    """GET registered-models/search."""
    searched = mlflow_search.MODELS
    passes, order = searched.filter(given.get("filter")), searched.orders(given.get("order_by") or ())
    versions: dict[str, list[Fields]] = {}
    for entry in context.catalog.list("model"):
        versions.setdefault(entry["name"], []).append(entry)
    notes = {**{name: _by_versions(each) for name, each in versions.items()}, **context.mlflow.notes(MODEL)}
    fields = [
        (
            {
                mlflow_search.ATTRIBUTE: _times(name, note),
                mlflow_search.TAG: {**_NO_PROMPT, **(note.get("tags") or {})},
            },
            name,
        )
        for name, note in sorted(notes.items())
    ]
    found = mlflow_search.ordered([each for each in fields if passes(each[0])], lambda each: each[0], order)
    some, token = mlflow_search.page(found, given, _MOST, _USUAL)
    told = [_shown(name, notes[name], versions.get(name, [])) for _, name in some]
    return {"registered_models": told, **({"next_page_token": token} if token else {})}


def _times(name: str, note: Fields) -> Fields:
    updated, created = millis(note["updated"]), millis(note["created"])
    about = {"timestamp": updated, "last_updated_timestamp": updated, "creation_timestamp": created}
    return {"name": name, **about}


def latest(context: ServiceContext, given: Fields) -> Fields:
    """POST registered-models/get-latest-versions: the newest of each stage."""
    wanted = [_stage(each) for each in given.get("stages") or ()]
    found = _whole(context, given["name"]).get("latest_versions", [])
    return {"model_versions": [each for each in found if not wanted or each["current_stage"] in wanted]}


def _stage(text: Any) -> str:
    found = next((stage for stage in _STAGES if stage.lower() == str(text).lower()), None)
    if found is None:
        raise invalid(f"Invalid Model Version stage: {str(text)[:100]}. Value must be one of {', '.join(_STAGES)}.")
    return found


def set_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST registered-models/set-tag."""
    tags = _model(context, given["name"]).get("tags") or {}
    _change(context, given["name"], touch=False, tags={**tags, given["key"]: given.get("value", "")})
    return {}


def delete_tag(context: ServiceContext, given: Fields) -> Fields:
    """DELETE registered-models/delete-tag."""
    tags = _model(context, given["name"]).get("tags") or {}
    _change(context, given["name"], touch=False, tags={key: tags[key] for key in tags if key != given["key"]})
    return {}


def set_alias(context: ServiceContext, given: Fields) -> Fields:
    """POST registered-models/alias."""
    name, alias = given["name"], given["alias"]
    if len(alias) > _ALIAS or alias.lower() == "latest" or not alias.replace("_", "a").replace("-", "a").isalnum():
        raise invalid(f"Invalid alias name: '{alias[:100]}'. Use letters, digits, '_' and '-', but not 'latest'.")
    entry = _version(context, name, given.get("version", ""))
    aliases = _model(context, name).get("aliases") or {}
    _change(context, name, touch=False, aliases={**aliases, alias: str(entry["version"])})
    return {}


def delete_alias(context: ServiceContext, given: Fields) -> Fields:
    """DELETE registered-models/alias."""
    aliases = _model(context, given["name"]).get("aliases") or {}
    left = {key: aliases[key] for key in aliases if key != given["alias"]}
    _change(context, given["name"], touch=False, aliases=left)
    return {}


def by_alias(context: ServiceContext, given: Fields) -> Fields:
    """GET registered-models/alias."""
    note = _model(context, given["name"])
    version = (note.get("aliases") or {}).get(given["alias"])
    if version is None:
        raise invalid(f"Registered model alias {given['alias'][:200]} not found.")
    return {"model_version": _version_shown(_version(context, given["name"], version), note)}


def create_version(context: ServiceContext, given: Fields) -> Fields:
    """POST model-versions/create: its files are copied, where they are files of a run or of a logged model."""
    name, source, tags = given["name"], given["source"], labels(given.get("tags"))
    _model(context, name)
    moment = time.time()
    mine = {"source": source, "updated": moment, "stage": "None"}
    mine.update({key: given[key] for key in ("run_id", "run_link", "model_id") if given.get(key)})
    run_id, older = given.get("run_id"), version_of(context, source)
    if older is not None:
        mine["place"] = download_uri(context, older)["artifact_uri"]
    with copied(context, source) as folder:
        record = {"folder": folder, "run_id": run_id if run_id and context.history.has(run_id) else None}
        record.update(description=given.get("description") or None, mlflow=mine)
        entry = context.catalog.add("model", name, {"record": record, "tags": tags}, moment)
    note = _change(context, name)
    if given.get("model_id"):
        _registered(context, given["model_id"], name, entry["version"])
    return {"model_version": _version_shown(entry, note)}


def _registered(context: ServiceContext, model_id: str, name: str, version: int) -> None:
    """Note at a logged model which version it has become."""
    tag = "mlflow.modelVersions"

    def added(model: Fields) -> Fields:
        tags = model.get("tags") or {}
        told = json.loads(tags.get(tag) or "[]")
        return {**model, "tags": {**tags, tag: json.dumps([*told, {"name": name, "version": version}])}}

    context.mlflow.amend(LOGGED_MODEL, model_id, added)


def get_version(context: ServiceContext, given: Fields) -> Fields:
    """GET model-versions/get."""
    entry = _version(context, given["name"], given["version"])
    return {"model_version": _version_shown(entry, context.mlflow.note(MODEL, given["name"]))}


def _change_version(context: ServiceContext, given: Fields, record: Fields, **mine: Any) -> Fields:
    entry = _version(context, given["name"], given["version"])
    note = {**(entry["record"].get("mlflow") or {}), "updated": time.time(), **mine}
    changes = {"record": {**entry["record"], **record, "mlflow": note}}
    changed = context.catalog.change("model", entry["name"], entry["version"], changes)
    return {"model_version": _version_shown(changed, context.mlflow.note(MODEL, entry["name"]))}


def update_version(context: ServiceContext, given: Fields) -> Fields:
    """PATCH model-versions/update."""
    return _change_version(context, given, {"description": given.get("description", "")})


def transition(context: ServiceContext, given: Fields) -> Fields:
    """POST model-versions/transition-stage."""
    stage, name = _stage(given["stage"]), given["name"]
    entry = _version(context, name, given["version"])
    if given.get("archive_existing_versions"):
        for each in context.catalog.list("model", name):
            if each["version"] != entry["version"] and (each["record"].get("mlflow") or {}).get("stage") == stage:
                _change_version(context, {"name": name, "version": each["version"]}, {}, stage="Archived")
    changed = _change_version(context, given, {}, stage=stage)
    _change(context, name)
    return changed


def delete_version(context: ServiceContext, given: Fields) -> Fields:
    """DELETE model-versions/delete."""
    entry = _version(context, given["name"], given["version"])
    note = _model(context, given["name"])
    version = str(entry["version"])
    remove(context, entry["name"], entry["version"])
    left = {key: value for key, value in (note.get("aliases") or {}).items() if value != version}
    kept = {**note, "aliases": left, "updated": time.time()}
    context.mlflow.change(MODEL, entry["name"], lambda now: {**(now or {}), **kept})
    return {}


def search_versions(context: ServiceContext, given: Fields) -> Fields:
    """GET model-versions/search."""
    searched = mlflow_search.VERSIONS
    passes, order = searched.filter(given.get("filter")), searched.orders(given.get("order_by") or ())
    notes = context.mlflow.notes(MODEL)
    shown = [_version_shown(entry, notes.get(entry["name"])) for entry in context.catalog.list("model")]
    shown.sort(key=lambda each: (each["name"], -int(each["version"])))
    if not order:
        shown.sort(key=lambda each: -each["last_updated_timestamp"])
    fields = [(_version_fields(each), each) for each in shown]
    found = mlflow_search.ordered([each for each in fields if passes(each[0])], lambda each: each[0], order)
    some, token = mlflow_search.page(found, given, _MOST_VERSIONS, _MOST)
    return {"model_versions": [each for _, each in some], **({"next_page_token": token} if token else {})}


def _version_fields(shown: Fields) -> Fields:
    about = {**shown, "version_number": int(shown["version"]), "source_path": shown["source"]}
    tags = {**_NO_PROMPT, **{each["key"]: each["value"] for each in shown["tags"]}}
    return {mlflow_search.ATTRIBUTE: about, mlflow_search.TAG: tags}


def download_uri(context: ServiceContext, given: Fields) -> Fields:
    """GET model-versions/get-download-uri: where its files are; of a copy, where those of its origin are."""
    entry = _version(context, given["name"], given["version"])
    mine = entry["record"].get("mlflow") or {}
    return {"artifact_uri": mine.get("place") or _version_shown(entry, None)["source"]}


def set_version_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST model-versions/set-tag."""
    entry = _version(context, given["name"], given["version"])
    tags = {**entry["tags"], given["key"]: given.get("value", "")}
    context.catalog.change("model", entry["name"], entry["version"], {"tags": tags})
    return {}


def delete_version_tag(context: ServiceContext, given: Fields) -> Fields:
    """DELETE model-versions/delete-tag."""
    entry = _version(context, given["name"], given["version"])
    tags = {key: value for key, value in entry["tags"].items() if key != given["key"]}
    context.catalog.change("model", entry["name"], entry["version"], {"tags": tags})
    return {}


ROUTES = {
    ("POST", "registered-models/create"): create,
    ("GET", "registered-models/get"): get,
    ("POST", "registered-models/rename"): rename,
    ("PATCH", "registered-models/update"): update,
    ("DELETE", "registered-models/delete"): delete,
    ("GET", "registered-models/search"): search,
    ("POST", "registered-models/get-latest-versions"): latest,
    ("GET", "registered-models/get-latest-versions"): latest,
    ("POST", "registered-models/set-tag"): set_tag,
    ("DELETE", "registered-models/delete-tag"): delete_tag,
    ("POST", "registered-models/alias"): set_alias,
    ("DELETE", "registered-models/alias"): delete_alias,
    ("GET", "registered-models/alias"): by_alias,
    ("POST", "model-versions/create"): create_version,
    ("GET", "model-versions/get"): get_version,
    ("PATCH", "model-versions/update"): update_version,
    ("POST", "model-versions/transition-stage"): transition,
    ("DELETE", "model-versions/delete"): delete_version,
    ("GET", "model-versions/search"): search_versions,
    ("GET", "model-versions/get-download-uri"): download_uri,
    ("POST", "model-versions/set-tag"): set_version_tag,
    ("DELETE", "model-versions/delete-tag"): delete_version_tag,
}
"""Method and route → what answers it."""
