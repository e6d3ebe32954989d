"""The page of the web services: what they have answered lately, and a form to try one."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA, PAGES
from trainshed.service.page.documents import document
from trainshed.service.page.panels import Form, panel, shown
from trainshed.service.requests import API, endpoint
from trainshed.service.webservices import calls
from trainshed.web.words import many, sig, took

_ANSWERING = ("Healthy", "Unhealthy")
_AT_ONCE = 8
_LONGEST_PRETTY = 100_000
_SHOWN = ("name", "state", "error", "models", "scoring_uri", "port", "run", "created", "updated", "tags", "description")


async def services_document(_: Request) -> Response:
    """GET /pages/services."""
    return document("./", "services")


def services(context: ServiceContext, request: Request, _: Form) -> Response:
    """GET /pages/data/services: the list; ``name`` is the chosen one."""
    found = context.deployments.all()
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # one that hangs does not hold up the others
        counts = list(pool.map(lambda record: _counts(context, record), found))
    rows = [
        {**{name: record.get(name) for name in _SHOWN}, "counts": told}
        for record, told in zip(found, counts, strict=True)
    ]
    return shown("services_list.html", services=rows, chosen=request.query_params.get("name", ""), many=many)


def counted(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /webservices/{name}/requests: how many it has answered, and how fast; null if it does not say."""
    deployments = context.deployments
    return {"requests": _counts(context, deployments.describe(deployments.get(request.path_params["name"])))}


def _counts(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any] | None:
    if record["state"] not in _ANSWERING:
        return None
    return calls.counted(record, context.deployments.keys(record["name"])[0])


def call(context: ServiceContext, _: Request, form: Form) -> Response:
    """POST /pages/data/services/call: ``name`` and ``body``."""
    name = form.get("name", "")
    record = context.deployments.describe(context.deployments.get(name))
    told = calls.tried(record, context.deployments.keys(name)[0], form.get("body", ""))
    spent = f"{sig(told['seconds'] * 1000)} ms" if told["seconds"] < 1 else took(told["seconds"])
    return shown(
        "service_answer.html", text=_pretty(told["text"]), status=told["status"], seconds=spent, cut=told["cut"]
    )


def _pretty(text: str) -> str:
    if len(text) < _LONGEST_PRETTY:
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    return text


ROUTES = [
    Route(f"{PAGES}services", services_document),
    Route(f"{DATA}services", panel(services)),
    Route(f"{DATA}services/call", panel(call), methods=["POST"]),
    Route(f"{API}/webservices/{{name}}/requests", endpoint(counted)),
]
"""Routes of this module."""
