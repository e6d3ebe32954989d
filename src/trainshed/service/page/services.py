"""The page of the web services: what they have answered lately, and a form to try one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA, PAGES
from trainshed.service.page.documents import document
from trainshed.service.requests import API, endpoint, field
from trainshed.service.webservices import calls

_ANSWERING = ("Healthy", "Unhealthy")
_AT_ONCE = 8
_SHOWN = ("name", "state", "error", "models", "scoring_uri", "port", "run", "created", "updated", "tags", "description")


async def services_document(_: Request) -> Response:
    """GET /pages/services."""
    return document("./", "services")


def services(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /pages/data/services."""
    found = context.deployments.all()
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # one that hangs does not hold up the others
        counts = list(pool.map(lambda record: _counts(context, record), found))
    return {
        "services": [
            {**{name: record.get(name) for name in _SHOWN}, "counts": told}
            for record, told in zip(found, counts, strict=True)
        ]
    }


def counted(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /webservices/{name}/requests: how many it has answered, and how fast; null if it does not say."""
    deployments = context.deployments
    return {"requests": _counts(context, deployments.describe(deployments.get(request.path_params["name"])))}


def _counts(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any] | None:
    if record["state"] not in _ANSWERING:
        return None
    return calls.counted(record, context.deployments.keys(record["name"])[0])


def call(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /pages/data/services/{name}/call: ``{"body"}``."""
    name = request.path_params["name"]
    record = context.deployments.describe(context.deployments.get(name))
    return calls.tried(record, context.deployments.keys(name)[0], field(body, "body", str))


ROUTES = [
    Route(f"{PAGES}services", services_document),
    Route(f"{DATA}services", endpoint(services)),
    Route(f"{DATA}services/{{name}}/call", endpoint(call), methods=["POST"]),
    Route(f"{API}/webservices/{{name}}/requests", endpoint(counted)),
]
"""Routes of this module."""
