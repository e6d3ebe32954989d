"""API routes about the workspace itself: its settings, the lasting access, the locations of its data."""

from __future__ import annotations

import json
import os
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.data.dataset import files_at
from trainshed.service.context import ServiceContext
from trainshed.service.guard import SAME_USER
from trainshed.service.mlflow.search_routes import warm
from trainshed.service.requests import API, endpoint
from trainshed.service.transfers import FileContent
from trainshed.spec import layout
from trainshed.system import files

_ARTIFACTS = "workspaceartifactstore"


def get_workspace(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /workspace: its ``config.json``, its name and its folder."""
    return {**context.registry.facts(), "workspace_name": context.registry.name, "folder": str(context.root)}


def set_workspace(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /workspace: change its ``config.json``."""
    facts = {**context.registry.facts(), **(body if isinstance(body, dict) else {})}
    files.write(str(context.root / "config.json"), json.dumps(facts, indent=2) + "\n", files.PUBLIC)
    return get_workspace(context, request, None)


def give_access(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """POST /service/access: an address and a token that stay the same."""
    if not context.access.port:
        warm(context)  # clients that keep an address come from now on
    return {"address": f"http://127.0.0.1:{context.port}", "token": context.access.stay(context.port)}


async def get_log(request: Request) -> Response:
    """GET /service/log: the service's log."""
    file = await run_in_threadpool(open, request.app.state.context.root / "service.log", "rb")
    return FileContent(file, media_type="text/plain")


def find_data(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /datastores/{name}/found?path=…: the files at a path that may contain wildcards, as used by datasets.

    A client that runs as this user on this machine gets their paths; others download them.
    """
    record = context.registry.datastore(request.path_params["name"])
    place = {"datastore": record["name"], "path": request.query_params.get("path", "")}
    found = []
    for path, relative in files_at(place, {record["name"]: record}):
        facts = os.stat(path)
        item = {"name": os.path.relpath(path, record["path"]), "relative": relative, "size": facts.st_size}
        found.append({**item, "modified": facts.st_mtime, **({"at": path} if request.scope[SAME_USER] else {})})
    return {"files": found}


def outputs_path(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """POST /runs/{id}/outputs: a datastore for the run's outputs, and the path on it."""
    run_id = context.history.get(request.path_params["run"])["id"]
    store = context.registry.add_datastore(_ARTIFACTS, {"kind": "folder", "path": str(context.mirror.folder(""))})
    return {"datastore": store, "path": f"{run_id}/{layout.place_of('outputs/').rstrip('/')}"}


ROUTES = [
    Route(f"{API}/workspace", endpoint(get_workspace)),
    Route(f"{API}/workspace", endpoint(set_workspace), methods=["PUT"]),
    Route(f"{API}/service/log", get_log),
    Route(f"{API}/service/access", endpoint(give_access), methods=["POST"]),
    Route(f"{API}/datastores/{{name}}/found", endpoint(find_data)),
    Route(f"{API}/runs/{{run}}/outputs", endpoint(outputs_path), methods=["POST"]),
]
