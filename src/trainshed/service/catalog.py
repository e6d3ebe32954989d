"""API routes for versioned objects: models, datasets, environments, images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field, number
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.spec.secrets import without_secrets

_MODEL = "model"
_ENVIRONMENT, _IMAGE = "environment", "image"
_SECRET = (_ENVIRONMENT, _IMAGE)
"""Kinds whose records may have secrets, which the table does not contain."""


def list_entries(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /catalog/{kind}."""
    query = request.query_params
    entries = context.catalog.list(
        request.path_params["kind"], query.get("name"), latest=bool(number(request, "latest", 0))
    )
    return {"entries": [_whole(context, entry) for entry in entries]}


def add_entry(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /catalog/{kind}/{name}.

    Raises:
        UserErrorException: a model, which has files.
    """
    if request.path_params["kind"] == _MODEL:
        raise UserErrorException("A model is registered with POST /models, after its files have been uploaded.")
    entry = {part: field(body, part, dict, {}) for part in ("record", "tags", "properties")}
    kind, name, record = request.path_params["kind"], request.path_params["name"], entry["record"]
    if kind not in _SECRET:
        return context.catalog.add(kind, name, entry, time.time())
    if kind == _IMAGE:
        snapshot = from_json(RunSpec, field(record, "spec", dict)).snapshot
        if snapshot is not None:
            context.snapshots.use(snapshot)
    added = context.catalog.add(kind, name, {**entry, "record": without_secrets(record)}, time.time())
    context.environments.keep(_key(added), record)
    return _whole(context, added)


def _whole(context: ServiceContext, entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with its secrets, which the table does not contain."""
    if entry["kind"] not in _SECRET:
        return entry
    return {**entry, "record": context.environments.whole(_key(entry), entry["record"])}


def _key(entry: Mapping[str, Any]) -> str:
    key = f"{entry['name']}/{entry['version']}"
    return key if entry["kind"] == _ENVIRONMENT else f"{entry['kind']}//{key}"


def get_entry(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /catalog/{kind}/{name}: the newest version, or ``version``."""
    parts = request.path_params
    return _whole(context, context.catalog.get(parts["kind"], parts["name"], number(request, "version", 0) or None))


def change_entry(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /catalog/{kind}/{name}/{version}; the files of a model stay the same."""
    parts = request.path_params
    changes = {part: field(body, part, (type(None), dict)) for part in ("record", "tags", "properties")}
    if parts["kind"] == _MODEL and changes["record"] is not None:
        kept = context.catalog.get(_MODEL, parts["name"], parts["version"])["record"]
        changes["record"] |= {name: kept[name] for name in ("folder", "run_id", "mlflow") if name in kept}
    if parts["kind"] in _SECRET and changes["record"] is not None:
        changes["record"] = context.environments.keep(_key(parts), changes["record"])
    return _whole(context, context.catalog.change(parts["kind"], parts["name"], parts["version"], changes))


def drop_entry(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /catalog/{kind}/{name}/{version}."""
    parts = request.path_params
    context.catalog.delete(parts["kind"], parts["name"], parts["version"])
    if parts["kind"] in _SECRET:
        context.environments.forget(_key(parts))
    return {}


_ONE = f"{API}/catalog/{{kind}}/{{name}}"
ROUTES = [
    Route(f"{API}/catalog/{{kind}}", endpoint(list_entries)),
    Route(_ONE, endpoint(add_entry), methods=["POST"]),
    Route(_ONE, endpoint(get_entry)),
    Route(f"{_ONE}/{{version:version}}", endpoint(change_entry), methods=["PUT"]),
    Route(f"{_ONE}/{{version:version}}", endpoint(drop_entry), methods=["DELETE"]),
]
