"""API routes for web services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import WebserviceException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field, texts
from trainshed.service.webservices.doors import check_machine
from trainshed.spec.checks import is_name
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.spec.serving import check_gpus, check_key, check_timeout, check_workers

_FACTS = ("kind", "auth", "open_address", "description", "tags", "properties", "source", "entry_script", "image")
_LONGEST_NAME = 64


def deploy(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /webservices/{name}: ``{"spec", "facts", "port", "overwrite", "keys"}``; the spec's arguments are models."""
    name = request.path_params["name"]
    if not is_name(name, "-", _LONGEST_NAME):
        raise WebserviceException(
            f"Invalid name of a web service: {name!r}. Use letters, digits and '-', with a letter or digit first, and "
            f"at most {_LONGEST_NAME} characters."
        )
    spec = from_json(RunSpec, field(body, "spec", dict))
    if not spec.script:
        raise WebserviceException("A web service needs a scoring script.")
    for each in spec.arguments:
        _check_model(context, each)
    kinds = {each["name"]: str(each.get("kind")) for each in context.registry.targets()}
    known = {each["name"]: each["target"] for each in context.deployments.all()}
    check_machine(name, spec.target, known.get(name), kinds.get(spec.target, ""))
    if spec.snapshot is not None:
        context.snapshots.use(spec.snapshot)
    told = field(body, "facts", dict, {})
    facts = {"target": spec.target, **{key: told[key] for key in _FACTS if key in told}, **_serving(told)}
    field(told, "source", (type(None), dict))
    port, keys = field(body, "port", (type(None), int)), field(body, "keys", list, [])
    chosen = [None if key is None else check_key(key) for key in keys[:2]]
    return context.deployments.deploy(name, spec, facts, port, bool(field(body, "overwrite", bool, False)), chosen)


def _serving(told: dict[str, Any]) -> dict[str, Any]:
    """Return those facts that say how requests are answered."""
    checks: dict[str, Callable[[Any], Any]] = {
        "workers": check_workers,
        "timeout_ms": check_timeout,
        "gpu_cores": check_gpus,
        "collect_model_data": bool,
    }
    return {name: check(told[name]) for name, check in checks.items() if told.get(name) is not None}


def _check_model(context: ServiceContext, model: str) -> None:
    name, _, version = model.rpartition(":")
    if not name or not version.isdigit():
        raise WebserviceException(f"'{model}' is not the id of a model, such as 'ridge:1'.")
    context.catalog.get("model", name, int(version))


def again(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /webservices/{name}/restart: ``{"snapshot", "fresh_key": 0 or 1, "key", "models", "auth"}``.

    Also ``"workers"``, ``"gpu_cores"``, ``"timeout_ms"`` and ``"collect_model_data"``.
    """
    told = body if isinstance(body, dict) else {}
    snapshot = field(told, "snapshot", (type(None), str))
    if snapshot is not None:
        context.snapshots.use(snapshot)
    fresh, key = field(told, "fresh_key", (type(None), int)), field(told, "key", (type(None), str))
    if fresh not in (None, 0, 1):
        raise WebserviceException("A web service has two keys, 0 and 1.")
    changes: dict[str, Any] = _serving(told)
    if field(told, "auth", (type(None), bool)) is not None:
        changes["auth"] = told["auth"]
    if "models" in told:
        changes["models"] = texts(told, "models", [])
        for each in changes["models"]:
            _check_model(context, each)
    replaced = None if fresh is None else (fresh, None if key is None else check_key(key))
    return context.deployments.again(request.path_params["name"], snapshot, replaced, changes)


def change(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /webservices/{name}: ``{"tags", "remove", "properties", "description"}``."""
    name = request.path_params["name"]
    record = context.deployments.get(name)
    gone = texts(body, "remove", [])
    tags = {**(record.get("tags") or {}), **field(body, "tags", dict, {})}
    told = field(body, "description", (type(None), str))
    return context.deployments.change(
        name,
        {
            "tags": {key: value for key, value in tags.items() if key not in gone},
            "properties": {**(record.get("properties") or {}), **field(body, "properties", dict, {})},
            "description": record.get("description") if told is None else told,
        },
    )


def get(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /webservices/{name}."""
    return context.deployments.describe(context.deployments.get(request.path_params["name"]))


def keys(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /webservices/{name}/keys."""
    return {"keys": context.deployments.keys(request.path_params["name"])}


def listed(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /webservices."""
    return {"webservices": context.deployments.all()}


def delete(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /webservices/{name}: its runs end, and can then be deleted."""
    return {"runs": context.deployments.delete(request.path_params["name"])}


_ONE = f"{API}/webservices/{{name}}"
ROUTES = [
    Route(f"{API}/webservices", endpoint(listed)),
    Route(_ONE, endpoint(get)),
    Route(_ONE, endpoint(deploy), methods=["PUT"]),
    Route(_ONE, endpoint(change), methods=["POST"]),
    Route(_ONE, endpoint(delete), methods=["DELETE"]),
    Route(f"{_ONE}/restart", endpoint(again), methods=["POST"]),
    Route(f"{_ONE}/keys", endpoint(keys)),
]
"""Routes of this module."""
