"""The API's routes for secrets: names and values travel in bodies, which no log has."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.service.house import House
from trainshed.service.routes import API, endpoint, field
from trainshed.spec.container import REGISTRY_PASSWORD


def names(house: House, _: Request, __: Any) -> dict[str, Any]:
    """GET /secrets: those of the user; passwords of registries belong to runs."""
    return {"names": [name for name in house.secrets.names() if not name.startswith(REGISTRY_PASSWORD)]}


def read(house: House, _: Request, body: Any) -> dict[str, Any]:
    """POST /secrets/read: ``{"names": […]}``."""
    return {"secrets": house.secrets.get(field(body, "names", list))}


def change(house: House, _: Request, body: Any) -> dict[str, Any]:
    """PUT /secrets: ``{"set": {…}, "delete": […]}``."""
    house.secrets.set(field(body, "set", dict, {}))
    house.secrets.delete(field(body, "delete", list, []))
    return {}


ROUTES = [
    Route(f"{API}/secrets", endpoint(names)),
    Route(f"{API}/secrets", endpoint(change), methods=["PUT"]),
    Route(f"{API}/secrets/read", endpoint(read), methods=["POST"]),
]
