"""MLflow's REST API, for its clients outside of jobs: what they log and read is the history of the workspace.

Source: MLflow's REST API, as its clients of version 3.17 call it (https://mlflow.org/docs/latest/rest-api.html).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trainshed.errors import NotFoundException, TrainshedError
from trainshed.runtime.mlflow_words import PREFIXES, VERSION, Refused, found, invalid
from trainshed.service.guard import as_response
from trainshed.service.mlflow import artifacts, experiments, logged_models, registry, runs, search_routes
from trainshed.service.requests import JSON_LIMIT, Endpoint, body_of
from trainshed.service.responses import ApiResponse

_LISTS = frozenset({"order_by", "experiment_ids", "run_ids", "stages"})
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_FILE = "logged-models/artifacts/files"


def _server_info(*_: Any) -> dict[str, Any]:
    return {"store_type": "Trainshed"}


TABLE: dict[tuple[str, str], Callable[..., Any]] = {
    **experiments.ROUTES,
    **runs.ROUTES,
    **search_routes.ROUTES,
    **artifacts.ROUTES,
    **registry.ROUTES,
    **logged_models.ROUTES,
    ("GET one", _FILE): logged_models.get_file,
    ("GET", "server-info"): _server_info,
}
"""Method and route → what answers it."""


def _refused(error: Refused | TrainshedError) -> Response:
    """Return an error as MLflow's clients read it, and ours."""
    if isinstance(error, Refused):
        kind, told = ("NotFoundException" if error.status == 404 else "UserErrorException"), error.body()
        return ApiResponse({**told, "error": {"type": kind, "message": str(error), "details": {}}}, error.status)
    code = "RESOURCE_DOES_NOT_EXIST" if isinstance(error, NotFoundException) else "INVALID_PARAMETER_VALUE"
    code = code if error.status < 500 else "TEMPORARILY_UNAVAILABLE"
    inner = json.loads(bytes(as_response(error).body))
    return ApiResponse({"error_code": code, "message": error.message, **inner}, error.status)


def _answering(serve: Endpoint) -> Endpoint:
    """Wrap a route: what it raises is answered in MLflow's shape."""

    async def answer(request: Request) -> Response:
        try:
            return await serve(request)
        except (Refused, TrainshedError) as error:
            return _refused(error)

    return answer


async def _call(request: Request) -> Response:
    """Answer a route of the table: find it, check its fields, and call it in a thread."""
    context, query = request.app.state.context, request.query_params
    given: dict[str, Any] = {
        name: query.getlist(name) if name in _LISTS or (name == "run_id" and _bulk(request)) else query[name]
        for name in query
    }
    if request.method != "GET":
        body = await body_of(request, JSON_LIMIT)
        if not isinstance(body, dict | None):
            raise invalid("The request is not a JSON object.")
        given.update(body or {})
    answer, fields = found(TABLE, request.method, request.path_params["route"], given)
    if answer is logged_models.get_file:  # a file, and no JSON
        file: Response = await answer(request, fields)
        return file
    told = await run_in_threadpool(answer, context, fields)
    return Response(told, media_type="application/json") if isinstance(told, bytes) else ApiResponse(told)


def _bulk(request: Request) -> bool:
    return request.url.path.endswith("/get-history-bulk")


async def _version(_: Request) -> Response:
    return PlainTextResponse(VERSION)


async def _health(_: Request) -> Response:
    return PlainTextResponse("OK")


_FILES = "/api/2.0/mlflow-artifacts/artifacts"
ROUTES = [
    *(Route(f"{prefix}{{route:file}}", _answering(_call), methods=_METHODS) for prefix in PREFIXES),
    Route(_FILES, _answering(artifacts.listing)),
    Route(f"{_FILES}/{{path:file}}", _answering(artifacts.get_file)),
    Route(f"{_FILES}/{{path:file}}", _answering(artifacts.put_file), methods=["PUT"]),
    Route(f"{_FILES}/{{path:file}}", _answering(artifacts.drop_file), methods=["DELETE"]),
    Route("/version", _version),
    Route("/health", _health),
]
