"""Where the files of a model's version come from, as MLflow's clients say it."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from trainshed.errors import NotFoundException, ServiceException
from trainshed.runtime.mlflow_words import ARTIFACTS, Refused, invalid
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow import artifacts
from trainshed.service.models import manifest_of
from trainshed.service.verification import model_key
from trainshed.store.mlflow import LOGGED_MODEL

Fields = dict[str, Any]


def check(source: str) -> None:
    """Refuse a source that leads elsewhere than it says, or to this machine's own files.

    Raises:
        Refused: it does.
    """
    plain, told = source, ""
    while plain != told:
        plain, told = unquote_plus(plain), plain
    scheme = urlsplit(plain).scheme if ":" in plain else ""
    parts = plain.split("/")
    if "\0" in plain or (scheme not in ("", "file") and (".." in parts or "." in parts)):
        raise invalid(
            f"Invalid model version source: '{source[:500]}'. If supplying a source as an http, https, or "
            "mlflow-artifacts address, use an absolute path without '..'."
        )
    if scheme in ("", "file"):
        raise invalid(
            f"Invalid model version source: '{source[:500]}'. To use a local path as a model version source, log its "
            "files to a run first: a service does not read files of its machine on behalf of its clients."
        )


def place_of(context: ServiceContext, source: str) -> str:
    """Return the address of a source's files: of a run, or elsewhere.

    Args:
        context: the service's parts.
        source: such as ``runs:/RUN/model``, ``models:/NAME/1``, ``models:/m-ID`` or ``s3://…``.
    """
    path = re.sub("/+", "/", urlsplit(source).path).strip("/")
    if source.startswith("runs:"):
        return ARTIFACTS + path
    if source.startswith("mlflow-artifacts:"):
        return ARTIFACTS + path
    if source.startswith("models:") and "/" not in path:
        note = context.mlflow.note(LOGGED_MODEL, path)
        return str(note["artifact_uri"]) if note else source
    return source


def version_of(context: ServiceContext, source: str) -> Fields | None:
    """Return the version of a model that a source names as ``models:/NAME/VERSION``, or None."""
    name, slash, version = urlsplit(source).path.strip("/").rpartition("/")
    if not (source.startswith("models:") and slash and version.isdecimal() and len(version) < 16):
        return None
    with contextlib.suppress(NotFoundException):
        return context.catalog.get("model", name, int(version))
    return None


@contextlib.contextmanager
def copied(context: ServiceContext, source: str) -> Iterator[str]:
    """Copy the files of a source, if they are here, to a new folder of the workspace's models.

    Yields:
        The folder's name; it is removed if the version cannot be made.

    Raises:
        Refused: see :func:`check`.
    """
    check(source)
    folder = context.root / "models" / secrets.token_hex(16)
    folder.mkdir(mode=0o700, parents=True)
    try:
        older = version_of(context, source)
        if older is not None and older["record"].get("folder"):
            shutil.copytree(context.root / "models" / older["record"]["folder"], folder, dirs_exist_ok=True)
        else:
            _copy(context, place_of(context, source), folder)
        context.files.replace(model_key(folder.name), list(manifest_of(folder)))
        yield folder.name
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(ServiceException):  # of a full disk: rows without a model do no harm
            context.files.replace(model_key(folder.name), [])
        raise


def _copy(context: ServiceContext, address: str, folder: Path) -> None:
    if not address.startswith(ARTIFACTS):
        return  # it is elsewhere, where clients find it
    try:
        place = artifacts.place_of(context, address[len(ARTIFACTS) :])
    except Refused:
        return
    below = Path(place.name).name or "model"
    for name, _ in artifacts.files(context, place):
        inner = name[len(place.name) :].lstrip("/") if place.name else name
        if not place.name or name == place.name or name.startswith(f"{place.name}/"):
            target = folder / below / inner
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with artifacts.opened(context, place._replace(name=name)) as file, open(target, "xb") as copy:
                shutil.copyfileobj(file, copy)
