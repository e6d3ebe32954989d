"""The API's JSON routes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trainshed.environments import listed, prune
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import SAME_USER
from trainshed.spec import states
from trainshed.spec.checks import check_run_spec
from trainshed.spec.codec import from_json
from trainshed.spec.floats import spelled
from trainshed.spec.run import RunSpec

JSON_LIMIT = 64 << 20
"""Maximum bytes of a JSON body; a source manifest of 100,000 files has about 20 MB."""

Handler = Callable[[ServiceContext, Request, Any], Any]
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class ApiResponse(JSONResponse):
    """JSON in ASCII, because logged text may contain lone surrogates, which UTF-8 cannot represent."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a response."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


async def body_of(request: Request) -> Any:
    """Return the JSON body of a request, or None if it has none.

    Raises:
        UserErrorException: not JSON, or too long.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > JSON_LIMIT:
            raise UserErrorException(f"The request is larger than {JSON_LIMIT >> 20} MB.")
        parts.append(part)
    if not size:
        return None
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise UserErrorException(f"The request is not valid JSON: {error}") from error


def endpoint(handler: Handler) -> Endpoint:
    """Wrap a plain function: parse the body, call the function in a thread, send its result as JSON."""

    async def serve(request: Request) -> Response:
        body = await body_of(request)
        return ApiResponse(await run_in_threadpool(handler, request.app.state.context, request, body))

    return serve


def field(body: Any, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """Return a field of a JSON body, checking its type.

    Raises:
        UserErrorException: missing without a default, or of another type.
    """
    value = body.get(name, default) if isinstance(body, dict) else default
    if not isinstance(value, kind):
        wanted = kind[-1] if isinstance(kind, tuple) else kind
        raise UserErrorException(f"Field '{name}' is missing or is not a {wanted.__name__}.")
    return value


def number(request: Request, name: str, default: int) -> int:
    """Return a query parameter that is a whole number."""
    text = request.query_params.get(name, str(default))
    if not text.lstrip("-").isdigit():
        raise UserErrorException(f"Query parameter '{name}' is {text!r}; it must be a whole number.")
    return int(text)


def service_facts(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /service."""
    return {**context.facts(), "page_key": request.app.state.page_key}


def put_snapshot(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /snapshots; ``pack`` names a file that a client on this machine has written into the store's folder."""
    entries, packs = field(body, "entries", list), context.snapshots.packs
    pack = field(body, "pack", (type(None), str))
    if pack is not None:
        packs.adopt(packs.incoming(pack), check=False)
    wanted = {entry.get("sha256") for entry in entries if isinstance(entry, dict) and entry.get("kind") == "file"}
    missing = packs.missing(sorted(sha for sha in wanted if isinstance(sha, str)))
    if not missing:
        return {"id": context.snapshots.put_tree(entries)}
    return {"missing": missing, **({"write_to": str(packs.incoming())} if request.scope[SAME_USER] else {})}


def submit(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /runs."""
    submit_id = field(body, "submit_id", str)
    spec = check_run_spec(from_json(RunSpec, body.get("spec")))
    if spec.snapshot is not None:
        context.snapshots.use(spec.snapshot)
    run_id = f"{spec.experiment[:200]}_{int(time.time())}_{secrets.token_hex(4)}"
    return context.supervisor.submit(run_id, submit_id, spec)


def list_runs(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs."""
    query = request.query_params
    key, equals, value = query.get("tag", "").partition("=")
    runs = context.history.list_runs(
        experiment=query.get("experiment"),
        status=query.get("status"),
        tags={key: value if equals else None} if key else None,
        target=query.get("target"),
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
    """POST /runs/{id}/snapshot: ``{"snapshot": id}``; a run can have only one."""
    run_id, snapshot = request.path_params["run"], field(body, "snapshot", str)
    context.snapshots.use(snapshot)
    context.history.set_snapshot(run_id, snapshot)
    return context.history.get(run_id)


def tags(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/{id}/tags."""
    run_id = request.path_params["run"]
    context.history.set_tags(run_id, field(body, "set", dict, {}))
    context.history.remove_tags(run_id, field(body, "remove", list, []))
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
    context.experiments.set_tags(name, field(body, "tags", dict, {}), field(body, "remove", list, []))
    if (archived := field(body, "archived", (type(None), bool))) is not None:
        context.experiments.archive(name, time.time() if archived else None)
    new = field(body, "name", (type(None), str))
    return context.experiments.rename(name, new) if new else context.experiments.get(name)


def drop_experiment(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /experiments/{id}."""
    context.experiments.delete(request.path_params["name"])
    return {}


def targets(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /targets."""
    return {"targets": [{**each, "used": context.supervisor.used(each["name"])} for each in context.registry.targets()]}


def get_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /targets/{name}."""
    name = request.path_params["name"]
    return {**context.registry.target(name), "used": context.supervisor.used(name)}


def drop_target(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /targets/{name}."""
    name = request.path_params["name"]
    context.registry.target(name)
    going = [run["id"] for run in context.history.active() if run["target"] == name]
    if going:
        raise ComputeTargetException(
            f"Cluster '{name}' has {len(going)} unfinished runs, such as {going[0]}. Cancel them or wait for them."
        )
    context.registry.drop_target(name)
    context.supervisor.forget(name)
    return {}


def set_target(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /targets/{name}."""
    changes = {key: value for key, value in (body or {}).items() if key != "name"} if isinstance(body, dict) else {}
    record = context.registry.set_target(request.path_params["name"], changes)
    if changes.keys() - {"slots", "kind"}:
        context.supervisor.forget(record["name"])  # it is made anew, as it is now
    context.supervisor.wake(record["name"])
    return {**record, "used": context.supervisor.used(record["name"])}


def environments(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /environments."""
    return {"environments": listed(context.home)}


def prune_environments(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /environments/prune."""
    return {"removed": prune(context.home, float(field(body, "unused_days", (int, float))))}


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


API = "/api/v1"


class _FileConvertor(PathConvertor):
    """Name of a file in a route: like a path, and with line breaks, which the system allows in names."""

    regex = "(?s:.*)"


register_url_convertor("file", _FileConvertor())
ROUTES = [
    Route("/healthz", healthz),
    Route(f"{API}/service", endpoint(service_facts)),
    Route(f"{API}/service/stop", stop, methods=["POST"]),
    Route(f"{API}/snapshots", endpoint(put_snapshot), methods=["POST"]),
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
    Route(f"{API}/targets", endpoint(targets)),
    Route(f"{API}/targets/{{name}}", endpoint(set_target), methods=["PUT"]),
    Route(f"{API}/targets/{{name}}", endpoint(get_target)),
    Route(f"{API}/targets/{{name}}", endpoint(drop_target), methods=["DELETE"]),
]
