"""Artifacts, for MLflow's clients: files of runs, and of models that were logged outside of any."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.runtime.mlflow_words import ARTIFACTS, folder_of, invalid, missing
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow import runs
from trainshed.service.models import manifest_of
from trainshed.service.responses import ApiResponse
from trainshed.service.transfers import FileContent, store
from trainshed.service.verification import MLFLOW, logged_key
from trainshed.spec import layout, states
from trainshed.spec.checks import check_relative_path
from trainshed.store.mlflow import LOGGED_MODEL
from trainshed.system import confined
from trainshed.system.removal import remove_inside
from trainshed.targets.witness import INTERACTIVE

READY = "LOGGED_MODEL_READY"
MODELS = "models"
"""The first part of the names of files of models that were logged outside of runs."""
_TYPE = "application/octet-stream"


class Place(NamedTuple):
    """Where an artifact is.

    Attributes:
        owner: the run, or the id of the model.
        name: of the file or folder; empty for all of it.
        of_model: whether it is a model's that was logged outside of any run.
    """

    owner: str
    name: str
    of_model: bool = False


def place_of(context: ServiceContext, path: str) -> Place:
    """Return the place of ``mlflow-artifacts:/PATH``.

    Raises:
        Refused: there is no such run or model, or the name leads out of it.
    """
    owner, _, name = path.strip("/").partition("/")
    of_model = owner == MODELS
    if of_model:
        owner, _, name = name.partition("/")
    if name:
        try:
            check_relative_path(name, "Artifact")
        except UserErrorException:
            raise invalid("Invalid path") from None
    known = context.mlflow.note(LOGGED_MODEL, owner) if of_model else context.mlflow.run(owner)
    if known is None:
        raise missing(f"There is no {'model' if of_model else 'run'} '{owner[:200]}' whose files these could be.")
    return Place(owner, name, of_model)


def folder(context: ServiceContext, model_id: str) -> Path:
    """Return where the files of a model lie that was logged outside of any run."""
    return context.root / MLFLOW / model_id


def note_files(context: ServiceContext, model_id: str) -> None:
    """Note what the files of a model are once all of them are there, by which they are checked later."""
    there = folder(context, model_id)
    if there.is_dir():
        ready = _is_ready(context, model_id)
        context.files.replace(logged_key(model_id), list(manifest_of(there)) if ready else [])


def _is_ready(context: ServiceContext, model_id: str) -> bool:
    return (context.mlflow.note(LOGGED_MODEL, model_id) or {}).get("status") == READY


def files(context: ServiceContext, place: Place) -> list[tuple[str, int | None]]:
    """Return the names and sizes of all files of a run or a model."""
    if place.of_model:
        there = folder(context, place.owner)
        return [(name, facts.st_size) for name, facts in confined.walk(there)] if there.is_dir() else []
    context.supervisor.fetch(place.owner)
    return [(name, facts.st_size) for name, facts in context.mirror.listing(place.owner)]


def opened(context: ServiceContext, place: Place) -> BinaryIO:
    """Open an artifact.

    Raises:
        NotFoundException: there is none.
    """
    if place.of_model:
        return confined.open_inside(folder(context, place.owner), place.name)
    file = context.mirror.open(place.owner, layout.place_of(place.name))
    return context.outputs.checked(place.owner, place.name, file)


def _created(context: ServiceContext, place: Place) -> AbstractContextManager[IO[bytes]]:
    """Return what makes an artifact; as in MLflow, one that is there is replaced, but not a file of a job."""
    if place.of_model:
        there = folder(context, place.owner)
        there.mkdir(mode=0o700, parents=True, exist_ok=True)
        return confined.create_inside(there, place.name, overwrite=True)
    row = runs.row_of(context, place.owner, active=True)
    if row.kind != INTERACTIVE:
        return context.mirror.create(place.owner, layout.place_of(place.name))
    there = context.mirror.folder(place.owner)
    there.mkdir(mode=0o700, exist_ok=True)
    return confined.create_inside(there, layout.place_of(place.name), overwrite=True)


def listed(context: ServiceContext, given: dict[str, Any]) -> dict[str, Any]:
    """GET artifacts/list."""
    place = place_of(context, f"{given['run_id']}/{given.get('path') or ''}")
    return {"root_uri": f"{ARTIFACTS}{place.owner}", "files": folder_of(files(context, place), place.name)}


async def listing(request: Request) -> Response:
    """GET mlflow-artifacts/artifacts?path=…: what is directly in a folder, by names relative to it."""
    context: ServiceContext = request.app.state.context
    path = request.query_params.get("path", "")

    def found() -> list[dict[str, Any]]:
        place = place_of(context, path)
        return [each for each in folder_of(files(context, place), place.name) if each["path"] != place.name]

    listed = await run_in_threadpool(found)
    return ApiResponse({"files": [{**each, "path": each["path"].rpartition("/")[2]} for each in listed]})


async def get_file(request: Request) -> Response:
    """GET mlflow-artifacts/artifacts/PATH."""
    context: ServiceContext = request.app.state.context

    def found() -> BinaryIO:
        place = place_of(context, request.path_params["path"])
        try:
            return opened(context, place)
        except NotFoundException:
            raise missing(f"'{place.owner}' has no file '{place.name[:500]}'.") from None

    file = await run_in_threadpool(found)
    return FileContent(file, media_type=_TYPE)


async def put_file(request: Request) -> Response:
    """PUT mlflow-artifacts/artifacts/PATH."""
    context: ServiceContext = request.app.state.context
    place = await run_in_threadpool(place_of, context, request.path_params["path"])
    if not place.name:
        raise invalid("An artifact must have a name.")
    making = await run_in_threadpool(_created, context, place)
    await store(request, making, place.name)
    await run_in_threadpool(_changed, context, place)
    return ApiResponse({})


def _changed(context: ServiceContext, place: Place) -> None:
    if place.of_model:
        if _is_ready(context, place.owner):  # before, nothing has been noted of its files
            note_files(context, place.owner)
    elif context.history.get(place.owner)["status"] in states.TERMINAL:
        context.collector.manifest(place.owner)
    context.bus.publish(place.owner)


async def drop_file(request: Request) -> Response:
    """DELETE mlflow-artifacts/artifacts/PATH: a file or folder of a run that a client of MLflow's has made."""
    context: ServiceContext = request.app.state.context
    await run_in_threadpool(_drop, context, request.path_params["path"])
    return ApiResponse({})


def _drop(context: ServiceContext, path: str) -> None:
    place = place_of(context, path)
    if not place.name:
        raise invalid("The name of an artifact is missing; runs are deleted with runs/delete.")
    if place.of_model:
        remove_inside(folder(context, place.owner), place.name)
    elif runs.row_of(context, place.owner, active=True).kind == INTERACTIVE:
        remove_inside(context.mirror.folder(place.owner), layout.place_of(place.name))
    else:
        raise invalid("The files of a job stay what they were when it ended, and cannot be deleted one by one.")
    _changed(context, place)


ROUTES = {("GET", "artifacts/list"): listed}
"""Method and route → what answers it."""
