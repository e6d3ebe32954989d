"""API routes about compute targets."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import ComputeTargetException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field
from trainshed.service.target_names import STANDS_FOR
from trainshed.targets.parts import whole_of
from trainshed.targets.pool import POOL, hosts_of, together
from trainshed.targets.slurm import SLURM

_NOT_OF_THE_ENGINE = frozenset(
    {"slots", "slots_each", "cores", "kind", "grace_seconds", "description", "tags", "created", "modified"}
)


def targets(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /targets."""
    return {"targets": [_shown(context, each) for each in context.registry.targets()]}


def _shown(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any]:
    return {**record, **context.supervisor.state(record.get(STANDS_FOR, record["name"]))}


def get_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /targets/{name}."""
    return _shown(context, context.registry.target(request.path_params["name"]))


def drop_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /targets/{name}."""
    name = request.path_params["name"]
    record = context.registry.target(name)
    _check_idle(context, record)
    context.registry.drop_target(name)
    context.supervisor.forget(name)
    return {}


def _check_idle(context: ServiceContext, record: dict[str, Any]) -> None:
    going = [run["id"] for run in context.history.active() if whole_of(run["target"]) == record["name"]]
    if going:
        what = "Cluster" if record["kind"] == "cluster" else "Target"
        raise ComputeTargetException(
            f"{what} '{record['name']}' has {len(going)} unfinished runs, such as {going[0]}. Cancel them or wait for "
            "them."
        )


def map_target(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /targets/{name}/map: ``{"target"}``; the name stands for that target from now on."""
    name, target = request.path_params["name"], field(body, "target", str)
    registry = context.registry
    known = {record["name"]: record for record in registry.targets()}
    if whole_of(target) == SLURM and SLURM not in known:
        now = time.time()
        put(context, SLURM, {"kind": SLURM, "created": now, "modified": now})  # whose commands are on this machine
    if whole_of(target) != target:
        context.supervisor.prove(registry.target(target))
    registry.target(target)
    if name in known:
        _check_idle(context, known[name])
    registry.names.set(name, target, known.get(name, {}).get("kind"))
    return _shown(context, registry.target(name))


def unmap_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /targets/{name}/map: the name stands for itself again."""
    context.registry.names.drop(request.path_params["name"])
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
    target = context.registry.target(name)
    context.supervisor.wake(target.get(STANDS_FOR, name))
    return {**record, **_shown(context, target)}


def check_target(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /targets/{name}/check: connect, and say what is there.

    With settings, those of a target that need not exist yet; it is created, or changed, once its machine has answered.
    Without settings, also of one host of a pool. Asked again until the answer has ``facts``; until then it has
    ``doing``, in words.
    """
    name, changes = context.registry.names.resolved(request.path_params["name"]), _changes(body)
    whole = context.registry.target_with(name, changes) if changes else context.registry.target(name)
    hosts = hosts_of(whole)
    looks = [context.target_checks.look(each) for each in hosts]
    waits = next((each for each in looks if "facts" not in each), None)
    if waits:
        return waits
    told = [each["facts"] for each in looks]
    found: dict[str, Any] = {"facts": told[0] if whole["kind"] != POOL else together(hosts, told)}
    if changes and whole["kind"] == POOL:
        changes["cores"] = {each["host"]: facts["cores"] for each, facts in zip(hosts, told, strict=True)}
        changes["apart"] = context.target_checks.share_folder(hosts, told[0]["home"])
    elif changes:
        changes.setdefault("slots", told[0]["cores"])
    if changes:
        found["target"] = put(context, name, changes)
    context.supervisor.answered(name)
    for each in hosts:
        context.target_checks.done(each)
    return found


def _changes(body: Any) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "name"} if isinstance(body, dict) else {}


ROUTES = [
    Route(f"{API}/targets", endpoint(targets)),
    Route(f"{API}/targets/{{name}}", endpoint(set_target), methods=["PUT"]),
    Route(f"{API}/targets/{{name}}", endpoint(get_target)),
    Route(f"{API}/targets/{{name}}", endpoint(drop_target), methods=["DELETE"]),
    Route(f"{API}/targets/{{name}}/map", endpoint(map_target), methods=["PUT"]),
    Route(f"{API}/targets/{{name}}/map", endpoint(unmap_target), methods=["DELETE"]),
    Route(f"{API}/targets/{{name}}/check", endpoint(check_target), methods=["POST"]),
]
