"""API routes for versioned objects: models, datasets, environments."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field, number

_MODEL = "model"


def list_entries(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /catalog/{kind}."""
    query = request.query_params
    return {
        "entries": context.catalog.list(
            request.path_params["kind"], query.get("name"), latest=bool(number(request, "latest", 0))
        )
    }


def add_entry(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /catalog/{kind}/{name}.

    Raises:
        UserErrorException: a model, which has files.
    """
    if request.path_params["kind"] == _MODEL:
        raise UserErrorException("A model is registered with POST /models, after its files have been uploaded.")
    entry = {part: field(body, part, dict, {}) for part in ("record", "tags", "properties")}
    return context.catalog.add(request.path_params["kind"], request.path_params["name"], entry, time.time())


def get_entry(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /catalog/{kind}/{name}: the newest version, or ``version``."""
    parts = request.path_params
    return context.catalog.get(parts["kind"], parts["name"], number(request, "version", 0) or None)


def change_entry(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /catalog/{kind}/{name}/{version}; the files of a model stay the same."""
    parts = request.path_params
    changes = {part: field(body, part, (type(None), dict)) for part in ("record", "tags", "properties")}
    if parts["kind"] == _MODEL and changes["record"] is not None:
        kept = context.catalog.get(_MODEL, parts["name"], parts["version"])["record"]
        changes["record"] |= {name: kept[name] for name in ("folder", "run_id") if name in kept}
    return context.catalog.change(parts["kind"], parts["name"], parts["version"], changes)


def drop_entry(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /catalog/{kind}/{name}/{version}."""
    parts = request.path_params
    context.catalog.delete(parts["kind"], parts["name"], parts["version"])
    return {}


_ONE = f"{API}/catalog/{{kind}}/{{name}}"
ROUTES = [
    Route(f"{API}/catalog/{{kind}}", endpoint(list_entries)),
    Route(_ONE, endpoint(add_entry), methods=["POST"]),
    Route(_ONE, endpoint(get_entry)),
    Route(f"{_ONE}/{{version:version}}", endpoint(change_entry), methods=["PUT"]),
    Route(f"{_ONE}/{{version:version}}", endpoint(drop_entry), methods=["DELETE"]),
]
