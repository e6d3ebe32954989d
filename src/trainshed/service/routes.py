"""The API's JSON routes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.environments.cache import listed, prune
from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import SAME_USER
from trainshed.service.requests import API, MANIFEST_LIMIT, endpoint, field, number, texts
from trainshed.service.responses import ApiResponse
from trainshed.spec import states
from trainshed.spec.checks import check_run_spec
from trainshed.spec.codec import from_json
from trainshed.spec.floats import spelled
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.store import git_diffs

_LONGEST_DAYS = 100_000
_LONGEST_DIFF = 256 << 10
_HIDDEN = "***"
"""Stands for a secret in a request that is kept."""


def service_facts(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /service."""
    return context.facts()


def put_snapshot(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /snapshots; ``pack`` names a file that a client on this machine has written into the store's folder."""
    context.database.refuse_if_full()  # before anything is uploaded
    entries, packs = field(body, "entries", list), context.snapshots.packs
    pack = field(body, "pack", (type(None), str))
    if pack is not None:
        packs.adopt(packs.incoming(pack), check=False)
    hashes = (entry.get("sha256") for entry in entries if isinstance(entry, dict) and entry.get("kind") == "file")
    missing = packs.missing(sorted({sha for sha in hashes if isinstance(sha, str)}))
    if not missing:
        return {"id": context.snapshots.put_tree(entries)}
    return {"missing": missing, **({"write_to": str(packs.incoming())} if request.scope[SAME_USER] else {})}


def submit(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /runs."""
    submit_id = field(body, "submit_id", str)
    spec = context.registry.resolved(check_run_spec(from_json(RunSpec, body.get("spec"))))
    if spec.snapshot is not None:
        context.snapshots.use(spec.snapshot)
    run_id = f"{spec.experiment[:200]}_{int(time.time())}_{secrets.token_hex(4)}"
    record = same_request(context.supervisor.submit(run_id, submit_id, spec), run_id, spec)
    keep_diff(context, record, body)
    return record


def keep_diff(context: ServiceContext, record: dict[str, Any], body: Any) -> None:
    """Keep ``"git_diff"`` of a request for a run: what was not committed in its source folder."""
    diff = field(body, "git_diff", str, "")
    if diff:
        git_diffs.keep(context.database, record["id"], diff[:_LONGEST_DIFF])


def same_request(record: dict[str, Any], run_id: str, spec: RunSpec) -> dict[str, Any]:
    """Return the record of a run that was requested now, or before with the same content.

    Args:
        record: the run that has the request's submit id.
        run_id: the id that it would have if it were new.
        spec: what is requested now.

    Raises:
        UserErrorException: with another content.
    """
    if record["id"] == run_id or _alike(record["spec"], to_json(spec)):
        return record
    error = UserErrorException(
        f"This submit id belongs to run '{record['id']}', which was requested with other settings. "
        "Each submit needs an id of its own."
    )
    error.status = 409
    raise error


def _alike(kept: Any, asked: Any) -> bool:
    """Tell whether a request is the one that is kept, in which secrets may be hidden."""
    if isinstance(kept, dict) and isinstance(asked, dict):
        return kept.keys() == asked.keys() and all(_alike(value, asked[name]) for name, value in kept.items())
    if isinstance(kept, list) and isinstance(asked, list):
        return len(kept) == len(asked) and all(map(_alike, kept, asked))
    return bool(kept == asked) or (isinstance(kept, str) and _HIDDEN in kept)


def list_runs(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs."""
    query = request.query_params
    key, equals, value = query.get("tag", "").partition("=")
    runs = context.history.list_runs(
        experiment=query.get("experiment"),
        status=query.get("status"),
        tags={key: value if equals else None} if key else None,
        target=context.registry.names.resolved(query["target"]) if query.get("target") else None,
        parent=query.get("parent"),
        ancestor=query.get("ancestor"),
        kind=query.get("type"),
        top=bool(number(request, "top", 0)),
        limit=min(number(request, "limit", 100), 1000),
        before=number(request, "before", 0) or None,
    )
    return {"runs": runs}


def get_run(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}."""
    return context.supervisor.look(request.path_params["run"])


def cancel(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """POST /runs/{id}/cancel."""
    context.supervisor.cancel(request.path_params["run"])
    return context.history.get(request.path_params["run"])


def describe(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /runs/{id}: ``{"display_name", "description"}``."""
    run_id = request.path_params["run"]
    for part, keep in (
        ("display_name", context.history.set_display_name),
        ("description", context.history.set_description),
    ):
        if isinstance(body, dict) and part in body:
            keep(run_id, field(body, part, (type(None), str)))
    return context.history.get(run_id)


def clean(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """POST /runs/{id}/clean: delete the working files of a run that has ended."""
    record = context.history.get(request.path_params["run"])
    if record["status"] not in states.TERMINAL:
        raise UserErrorException(f"Run '{record['id']}' has not ended, and its working files are in use.")
    context.supervisor.discard(record["id"], record["target"])
    return {"removed": context.mirror.clean(record["id"])}


def take_snapshot(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/{id}/snapshot: ``{"snapshot": id, "instead_of": id}``; a run can have only one."""
    run_id, snapshot = request.path_params["run"], field(body, "snapshot", str)
    context.snapshots.use(snapshot)
    context.history.set_snapshot(run_id, snapshot, field(body, "instead_of", (type(None), str), None))
    return context.history.get(run_id)


def tags(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/{id}/tags."""
    run_id = request.path_params["run"]
    context.history.set_tags(run_id, field(body, "set", dict, {}))
    context.history.remove_tags(run_id, texts(body, "remove", []))
    return {"tags": context.history.get(run_id)["tags"]}


def properties(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/{id}/properties."""
    run_id = request.path_params["run"]
    context.history.add_properties(run_id, field(body, "set", dict, {}))
    return {"properties": context.history.get(run_id)["properties"]}


def metrics(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}/metrics."""
    run_id = request.path_params["run"]
    context.supervisor.look(run_id)
    return {"metrics": spelled(context.metrics.read(run_id, request.query_params.get("name")))}


def points(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}/points: ``[step, time, value]`` of everything logged as the metric ``name``, in order.

    Without a name: ``[place, name, step, time, value]`` of all metrics after the position ``after``.
    """
    run_id, name = request.path_params["run"], request.query_params.get("name")
    context.supervisor.look(run_id)
    if name is None:
        found: list[Any] = context.metrics.since(run_id, number(request, "after", -1))
    else:
        found = context.metrics.points(run_id, name)
    return {"points": spelled(found)}


def events(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}/events: the states that it went through."""
    return {"events": context.history.events(context.history.get(request.path_params["run"])["id"])}


def experiments(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /experiments."""
    return {"experiments": context.experiments.list()}


def set_experiment(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /experiments/{name}: ``{"tags", "remove", "archived": bool, "name": new name}``; created if necessary."""
    name = context.experiments.ensure(request.path_params["name"], time.time())["name"]
    context.experiments.set_tags(name, field(body, "tags", dict, {}), texts(body, "remove", []))
    if (archived := field(body, "archived", (type(None), bool))) is not None:
        context.experiments.archive(name, time.time() if archived else None)
    new = field(body, "name", (type(None), str))
    return context.experiments.rename(name, new) if new else context.experiments.get(name)


def drop_experiment(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /experiments/{id}."""
    context.experiments.delete(request.path_params["name"])
    return {}


def environments(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /environments."""
    return {"environments": listed(context.home)}


def prune_environments(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /environments/prune."""
    days = field(body, "unused_days", (int, float))
    if not 0 <= days <= _LONGEST_DAYS:
        raise UserErrorException(f"Field 'unused_days' is {str(days)[:40]}; it must be 0 to {_LONGEST_DAYS}.")
    return {"removed": prune(context.home, float(days))}


async def wait(request: Request) -> Response:
    """GET /runs/{id}/wait: respond when the run ends, or after ``timeout`` seconds."""
    context: ServiceContext = request.app.state.context
    run_id = request.path_params["run"]
    deadline = time.monotonic() + min(number(request, "timeout", 30), 60)
    async with context.bus.listen(run_id) as changes:
        while True:
            changes.clear()
            record = await run_in_threadpool(context.supervisor.look, run_id)
            left = deadline - time.monotonic()
            if record["status"] in states.TERMINAL or left <= 0:
                return ApiResponse(record)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changes.wait(), left)


async def stop(request: Request) -> Response:
    """POST /service/stop."""
    context: ServiceContext = request.app.state.context
    context.stop()
    return ApiResponse({"stopping": True})


async def healthz(_: Request) -> Response:
    """GET /healthz."""
    return ApiResponse({"ok": True})


ROUTES = [
    Route("/healthz", healthz),
    Route(f"{API}/service", endpoint(service_facts)),
    Route(f"{API}/service/stop", stop, methods=["POST"]),
    Route(f"{API}/snapshots", endpoint(put_snapshot, MANIFEST_LIMIT), methods=["POST"]),
    Route(f"{API}/runs", endpoint(submit), methods=["POST"]),
    Route(f"{API}/runs", endpoint(list_runs)),
    Route(f"{API}/runs/{{run}}", endpoint(get_run)),
    Route(f"{API}/runs/{{run}}/wait", wait),
    Route(f"{API}/runs/{{run}}/cancel", endpoint(cancel), methods=["POST"]),
    Route(f"{API}/runs/{{run}}", endpoint(describe), methods=["PUT"]),
    Route(f"{API}/runs/{{run}}/clean", endpoint(clean), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/snapshot", endpoint(take_snapshot), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/tags", endpoint(tags), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/properties", endpoint(properties), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/metrics", endpoint(metrics)),
    Route(f"{API}/runs/{{run}}/points", endpoint(points)),
    Route(f"{API}/runs/{{run}}/events", endpoint(events)),
    Route(f"{API}/experiments", endpoint(experiments)),
    Route(f"{API}/experiments/{{name}}", endpoint(set_experiment), methods=["PUT"]),
    Route(f"{API}/experiments/{{name}}", endpoint(drop_experiment), methods=["DELETE"]),
    Route(f"{API}/environments", endpoint(environments)),
    Route(f"{API}/environments/prune", endpoint(prune_environments), methods=["POST"]),
]
