"""API routes for secrets: names and values are sent in bodies, which are never logged."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field, texts
from trainshed.spec.container import REGISTRY_PASSWORD


def names(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /secrets: those of the user, without the passwords of registries."""
    return {"names": [name for name in context.secrets.names() if not name.startswith(REGISTRY_PASSWORD)]}


def read(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /secrets/read: ``{"names": […]}``."""
    return {"secrets": context.secrets.get(texts(body, "names"))}


def change(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """PUT /secrets: ``{"set": {…}, "delete": […]}``."""
    context.secrets.set(field(body, "set", dict, {}))
    context.secrets.delete(texts(body, "delete", []))
    return {}


ROUTES = [
    Route(f"{API}/secrets", endpoint(names)),
    Route(f"{API}/secrets", endpoint(change), methods=["PUT"]),
    Route(f"{API}/secrets/read", endpoint(read), methods=["POST"]),
]
