"""API routes about compute targets."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import ComputeTargetException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint

_NOT_OF_THE_ENGINE = frozenset({"slots", "kind", "grace_seconds", "description", "tags", "created", "modified"})


def targets(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /targets."""
    return {"targets": [{**each, **context.supervisor.state(each["name"])} for each in context.registry.targets()]}


def get_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /targets/{name}."""
    name = request.path_params["name"]
    return {**context.registry.target(name), **context.supervisor.state(name)}


def drop_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /targets/{name}."""
    name = request.path_params["name"]
    record = context.registry.target(name)
    going = [run["id"] for run in context.history.active() if run["target"] == name]
    if going:
        what = "Cluster" if record["kind"] == "cluster" else "Target"
        raise ComputeTargetException(
            f"{what} '{name}' has {len(going)} unfinished runs, such as {going[0]}. Cancel them or wait for them."
        )
    context.registry.drop_target(name)
    context.supervisor.forget(name)
    return {}


def set_target(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /targets/{name}."""
    return put(context, request.path_params["name"], _changes(body))


def put(context: ServiceContext, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change a target's settings, or create it; it is reached anew if what changed concerns its engine."""
    before = {record["name"]: record for record in context.registry.targets()}.get(name, {})
    record = context.registry.set_target(name, changes, context.supervisor.prove)
    changed = {key for key in record.keys() | before.keys() if record.get(key) != before.get(key)}
    if before and changed - _NOT_OF_THE_ENGINE:
        context.supervisor.forget(name)  # it is made anew, as it is now
    context.supervisor.wake(name)
    return {**record, **context.supervisor.state(name)}


def check_target(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /targets/{name}/check: connect, and say what is there.

    With settings, those of a target that need not exist yet; it is created, or changed, once its machine has answered.
    Asked again until the answer has ``facts``; until then it has ``doing``, in words.
    """
    name, changes = request.path_params["name"], _changes(body)
    whole = context.registry.target_with(name, changes)
    found = context.target_checks.look(whole)
    if "facts" not in found:
        return found
    if changes:
        changes.setdefault("slots", found["facts"]["cores"])
        found["target"] = put(context, name, changes)
    context.supervisor.answered(name)
    context.target_checks.done(whole)
    return found


def _changes(body: Any) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "name"} if isinstance(body, dict) else {}


ROUTES = [
    Route(f"{API}/targets", endpoint(targets)),
    Route(f"{API}/targets/{{name}}", endpoint(set_target), methods=["PUT"]),
    Route(f"{API}/targets/{{name}}", endpoint(get_target)),
    Route(f"{API}/targets/{{name}}", endpoint(drop_target), methods=["DELETE"]),
    Route(f"{API}/targets/{{name}}/check", endpoint(check_target), methods=["POST"]),
]
