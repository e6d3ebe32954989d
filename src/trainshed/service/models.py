"""API routes for models: files are uploaded first, then one record makes them a version."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import (
    ModelPathNotFoundException,
    NotFoundException,
    ServiceException,
    UserErrorException,
    did_you_mean,
)
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field
from trainshed.service.responses import ApiResponse
from trainshed.service.transfers import FileContent, store
from trainshed.service.verification import model_key
from trainshed.spec import layout
from trainshed.spec.checks import check_relative_path
from trainshed.system.confined import create_inside, digest, open_inside

_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_lock = threading.Lock()


async def put_file(request: Request) -> Response:
    """PUT /models/incoming/{token}/{path}: a file of a model that is about to be registered."""
    context: ServiceContext = request.app.state.context
    folder = await run_in_threadpool(_unregistered, context, request.path_params["token"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = request.path_params["path"]
    await store(request, create_inside(folder, path, overwrite=True), path)
    return ApiResponse({})


def register(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /models: ``{"name", "upload": token | "run": id, "path", "record", "tags", "properties"}``."""
    name, run_id = field(body, "name", str), field(body, "run", (type(None), str))
    if run_id is not None:
        folder = _incoming(context, secrets.token_hex(16))
        try:
            _copy_of_run(context, run_id, field(body, "path", str), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return _add(context, name, folder, body)
    token = field(body, "upload", str)
    with _lock:
        known = context.catalog.model_in(token)
        if known is not None and known["name"] == name:
            return known  # the response to the first request was lost
        folder = _unregistered(context, token)
        if not folder.is_dir():
            raise UserErrorException(f"Nothing was uploaded for model '{name}'.")
        return _add(context, name, folder, body)


def _add(context: ServiceContext, name: str, folder: Path, body: Any) -> dict[str, Any]:
    """Register what is in a folder, or remove it where that cannot be."""
    try:
        record = {**field(body, "record", dict, {}), "folder": folder.name, "run_id": field(body, "run", object)}
        labels = {part: field(body, part, dict, {}) for part in ("tags", "properties")}
        context.files.replace(model_key(folder.name), list(manifest_of(folder)))
        return context.catalog.add("model", name, {"record": record, **labels}, time.time())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(ServiceException):  # of a full disk: rows without a model do no harm
            context.files.replace(model_key(folder.name), [])
        raise


def _copy_of_run(context: ServiceContext, run_id: str, path: str, folder: Path) -> None:
    """Copy a file, or all files in a folder, of a run."""
    check_relative_path(path, "model_path")
    context.supervisor.fetch(run_id)  # a script registers what it has just written
    found, names = False, [name for name, _ in context.mirror.listing(run_id)]
    for name in names:
        if name == path or name.startswith(path + "/"):
            target = folder / Path(path).name / name[len(path) :].lstrip("/")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with context.mirror.open(run_id, layout.place_of(name)) as source, open(target, "xb") as copy:
                shutil.copyfileobj(source, copy)
            found = True
    if not found:
        raise ModelPathNotFoundException(
            f"Run {run_id} has no file or folder '{path}' to register as a model.{did_you_mean(path, names)}"
        )


def list_files(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /models/{name}/{version}/files."""
    folder = _folder(context, request)
    return {"files": [{"name": name, "size": size} for name, size in _files(folder)]}


async def get_file(request: Request) -> Response:
    """GET /models/{name}/{version}/files/{path}."""
    context: ServiceContext = request.app.state.context
    folder = await run_in_threadpool(_folder, context, request)
    file = await run_in_threadpool(open_inside, folder, request.path_params["path"])
    return FileContent(file, media_type="application/octet-stream")


def delete(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /models/{name}/{version}."""
    _folder(context, request)
    remove(context, request.path_params["name"], request.path_params["version"])
    return {}


def remove(context: ServiceContext, name: str, version: int) -> None:
    """Delete a version of a model, with its files.

    Raises:
        NotFoundException: there is none.
    """
    token = str(context.catalog.get("model", name, version)["record"].get("folder"))
    context.catalog.delete("model", name, version)
    if _TOKEN.match(token):
        context.files.replace(model_key(token), [])
        shutil.rmtree(context.root / "models" / token, ignore_errors=True)


def _incoming(context: ServiceContext, token: str) -> Path:
    if not _TOKEN.match(token):
        raise UserErrorException("The name of an upload must be 32 hex digits.")
    return context.root / "models" / token


def _unregistered(context: ServiceContext, token: str) -> Path:
    """Return the folder of an upload. After registration, its files are the model's and do not change."""
    folder = _incoming(context, token)
    if (known := context.catalog.model_in(token)) is not None:
        raise UserErrorException(
            f"This upload is model '{known['name']}' version {known['version']} already. Upload the files again."
        )
    return folder


def _folder(context: ServiceContext, request: Request) -> Path:
    entry = context.catalog.get("model", request.path_params["name"], request.path_params["version"])
    name = str(entry["record"].get("folder"))
    folder = context.root / "models" / name
    if not _TOKEN.match(name) or not folder.is_dir():
        raise NotFoundException(f"The files of model '{entry['name']}' version {entry['version']} are missing.")
    return folder


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path.stat().st_size


def manifest_of(folder: Path) -> Iterator[tuple[str, int, str, float]]:
    """Yield the name, size, hash and time of each file, by which it is checked later."""
    for name, _ in _files(folder):
        with open_inside(folder, name) as file:
            sha, size = digest(file)
            yield name, size, sha, os.fstat(file.fileno()).st_mtime


_ONE = f"{API}/models/{{name}}/{{version:version}}"
ROUTES = [
    Route(f"{API}/models/incoming/{{token}}/{{path:file}}", put_file, methods=["PUT"]),
    Route(f"{API}/models", endpoint(register), methods=["POST"]),
    Route(f"{_ONE}/files", endpoint(list_files)),
    Route(f"{_ONE}/files/{{path:file}}", get_file),
    Route(_ONE, endpoint(delete), methods=["DELETE"]),
]
