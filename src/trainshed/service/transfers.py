"""API routes for bytes: contents of snapshots, files of runs, files of datastores."""

from __future__ import annotations

import errno
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trainshed.errors import NotFoundException, ServiceException, UserErrorException, did_you_mean
from trainshed.service.context import ServiceContext
from trainshed.service.follow import follow
from trainshed.service.requests import API, endpoint, number
from trainshed.service.responses import ApiResponse
from trainshed.spec import layout, states
from trainshed.spec.checks import check_relative_path
from trainshed.system.confined import create_inside, open_inside, parts_of

_CHUNK = 1 << 20
_SHOWN = 200
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_TYPE = "application/octet-stream"


async def put_pack(request: Request) -> Response:
    """POST /packs: contents, each preceded by 32 bytes for its SHA-256 and 8 for its length (big-endian)."""
    packs = request.app.state.context.snapshots.packs
    pack = packs.incoming()
    with open(pack, "xb", opener=_private) as file:
        try:
            async for part in request.stream():
                await run_in_threadpool(file.write, part)
        except BaseException:
            os.unlink(pack)
            raise
    return ApiResponse({"stored": await run_in_threadpool(packs.adopt, pack)})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def list_files(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}/files."""
    record = context.history.get(request.path_params["run"])
    if record["status"] in states.TERMINAL:
        return {"files": context.files.list(record["id"])}
    found = sorted((name, facts) for name, facts in context.mirror.listing(record["id"]))
    return {"files": [{"name": name, "size": facts.st_size, "modified": facts.st_mtime} for name, facts in found]}


async def get_file(request: Request) -> Response:
    """GET /runs/{id}/files/{name}."""
    context: ServiceContext = request.app.state.context
    run_id, name = request.path_params["run"], request.path_params["name"]
    parts_of(name)
    await run_in_threadpool(context.history.get, run_id)
    offset = max(number(request, "offset", 0), 0)
    path = layout.DRIVER_LOG if name == layout.STD_LOG else layout.place_of(name)
    if number(request, "follow", 0):

        def finished() -> bool:
            try:
                status = context.supervisor.look(run_id)["status"]
            except NotFoundException:
                return True  # it has been removed meanwhile
            built = name == layout.BUILD_LOG and status in (states.RUNNING, states.FINALIZING)
            return built or status in states.TERMINAL

        chunks = follow(context.mirror, run_id, path, offset, finished, context.bus)
        return StreamingResponse(chunks, media_type=_TYPE)
    try:
        file = await run_in_threadpool(context.mirror.open, run_id, path)
    except NotFoundException as error:
        raise await run_in_threadpool(_not_found, context, run_id, name) from error
    file = await run_in_threadpool(context.outputs.checked, run_id, name, file)
    file.seek(min(offset, os.fstat(file.fileno()).st_size))
    return FileContent(file, media_type=_TYPE)


def _not_found(context: ServiceContext, run_id: str, name: str) -> NotFoundException:
    known = [there for there, _ in context.mirror.listing(run_id)]
    return NotFoundException(
        f"Run {run_id} has no file '{name}'.{did_you_mean(name, known)} "
        "See run.get_file_names() or 'trainshed files' for its files."
    )


class FileContent(StreamingResponse):
    """The content of a file, from where it stands; it is sent piece by piece, as fast as the client takes it.

    Args:
        file: the file, which is closed in any case: also if the client hangs up before the first piece.
        media_type: its type.
        headers: more headers.
    """

    def __init__(self, file: IO[bytes], media_type: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(_pieces(file), media_type=media_type, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._file:
            await super().__call__(scope, receive, send)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(file.read, _CHUNK):
        yield piece


async def put_file(request: Request) -> Response:
    """PUT /runs/{id}/files/{name}."""
    context: ServiceContext = request.app.state.context
    run_id, name = request.path_params["run"], request.path_params["name"]
    check_relative_path(name, "File name")
    record = await run_in_threadpool(context.history.get, run_id)
    await store(request, context.mirror.create(run_id, layout.place_of(name)), name)
    record = await run_in_threadpool(context.history.get, run_id)
    if record["status"] in states.TERMINAL:
        await run_in_threadpool(context.collector.manifest, run_id)
    return ApiResponse({"name": name})


async def store(request: Request, making: AbstractContextManager[IO[bytes]], name: str) -> None:
    """Write a request's body to a new file.

    Args:
        request: the request.
        making: gives the file, and completes it.
        name: its name, for the error.

    Raises:
        UserErrorException: there cannot be such a file.
        ServiceException: it cannot be written now.
    """
    try:
        with making as file:
            async for part in request.stream():
                await run_in_threadpool(file.write, part)
    except OSError as error:
        told = f"'{name[:_SHOWN]}' cannot be stored: {error.strerror or error}."
        if error.errno in _FULL:
            raise ServiceException(f"{told} Make space on the disk of the workspace, then repeat the call.") from error
        raise UserErrorException(f"{told} Choose another name.") from error


async def get_snapshot(request: Request) -> Response:
    """GET /snapshots/{id}: its files as a zip archive."""
    context: ServiceContext = request.app.state.context
    archive = await run_in_threadpool(_zipped, context, request.path_params["snapshot"])
    return FileContent(archive, media_type="application/zip")


def _zipped(context: ServiceContext, snapshot: str) -> IO[bytes]:
    archive: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            for entry, pieces in context.snapshots.files(snapshot):
                facts = zipfile.ZipInfo(entry["path"])
                facts.external_attr = entry["mode"] << 16
                facts.compress_type = zipfile.ZIP_DEFLATED
                with made.open(facts, "w") as file:
                    for piece in pieces:
                        file.write(piece)
    except BaseException:
        archive.close()
        raise
    archive.seek(0)
    return archive


def list_datastores(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /datastores."""
    return {"datastores": context.registry.datastores()}


def put_datastore(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """PUT /datastores/{name}."""
    return context.registry.add_datastore(request.path_params["name"], body if isinstance(body, dict) else {})


def set_default_datastore(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """PUT /datastores/{name}/default."""
    context.registry.set_default_datastore(request.path_params["name"])
    return context.registry.datastore(request.path_params["name"])


def drop_datastore(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /datastores/{name}."""
    context.registry.drop_datastore(request.path_params["name"])
    return {}


def list_data(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /datastores/{name}/files."""
    root = Path(context.registry.datastore(request.path_params["name"])["path"])
    prefix = request.query_params.get("prefix", "").strip("/")
    found = []
    for folder, folders, names in root.walk() if hasattr(root, "walk") else _walk(root):
        folders.sort()
        for name in sorted(names):
            path = folder / name
            relative = path.relative_to(root).as_posix()
            if path.is_file() and not path.is_symlink() and (not prefix or f"{relative}/".startswith(f"{prefix}/")):
                found.append({"name": relative, "size": path.stat().st_size})
    return {"files": found}


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    # Path.walk needs Python 3.12
    return ((Path(folder), folders, names) for folder, folders, names in os.walk(root))


async def get_data(request: Request) -> Response:
    """GET /datastores/{name}/files/{path}."""
    context: ServiceContext = request.app.state.context
    record = await run_in_threadpool(context.registry.datastore, request.path_params["name"])
    file = await run_in_threadpool(open_inside, Path(record["path"]).resolve(), request.path_params["path"])
    return FileContent(file, media_type=_TYPE)


async def put_data(request: Request) -> Response:
    """PUT /datastores/{name}/files/{path}: keep an existing file unless ``overwrite``."""
    context: ServiceContext = request.app.state.context
    record = await run_in_threadpool(context.registry.datastore, request.path_params["name"])
    root, relative = Path(record["path"]), request.path_params["path"]
    check_relative_path(relative, "Path on the datastore")
    overwrite = bool(number(request, "overwrite", 0))
    if not overwrite and os.path.exists(root / relative):
        return ApiResponse({"stored": False, "url": (root / relative).as_uri()})
    await store(request, create_inside(root.resolve(), relative, overwrite), relative)
    return ApiResponse({"stored": True, "url": (root / relative).as_uri()})


ROUTES = [
    Route(f"{API}/packs", put_pack, methods=["POST"]),
    Route(f"{API}/snapshots/{{snapshot}}", get_snapshot),
    Route(f"{API}/runs/{{run}}/files", endpoint(list_files)),
    Route(f"{API}/runs/{{run}}/files/{{name:file}}", get_file),
    Route(f"{API}/runs/{{run}}/files/{{name:file}}", put_file, methods=["PUT"]),
    Route(f"{API}/datastores", endpoint(list_datastores)),
    Route(f"{API}/datastores/{{name}}", endpoint(put_datastore), methods=["PUT"]),
    Route(f"{API}/datastores/{{name}}", endpoint(drop_datastore), methods=["DELETE"]),
    Route(f"{API}/datastores/{{name}}/default", endpoint(set_default_datastore), methods=["PUT"]),
    Route(f"{API}/datastores/{{name}}/files", endpoint(list_data)),
    Route(f"{API}/datastores/{{name}}/files/{{path:file}}", get_data),
    Route(f"{API}/datastores/{{name}}/files/{{path:file}}", put_data, methods=["PUT"]),
]
