"""MLflow's artifacts are files of the run: the artifact ``model/MLmodel`` of a run is its file ``model/MLmodel``."""

import os
import tempfile
from _thread import get_ident
from time import time

from trainshed.runtime import errors
from trainshed.runtime.files import confined
from trainshed.runtime.mlflow_job import Job
from trainshed.runtime.mlflow_words import Refused, folder_of, invalid, missing
from trainshed.runtime.run import place_of

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from io import BufferedIOBase
    from typing import Any

_CHUNK = 1 << 20


class Stored:
    """A file that is sent as an answer.

    Args:
        path: the file.

    Attributes:
        size: bytes.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed once it is sent
        self.size = os.fstat(self._file.fileno()).st_size

    def pour(self, target: "BufferedIOBase") -> None:
        """Send it: as many bytes as were announced, even if it grows meanwhile."""
        with self._file as file:
            left = self.size
            while left:
                piece = file.read(min(_CHUNK, left))
                if not piece:
                    raise OSError("the file has become shorter")
                target.write(piece)
                left -= len(piece)


def split(job: Job, path: str) -> "tuple[str, str]":
    """Return the run and the name of an artifact.

    Args:
        job: the job.
        path: as in ``mlflow-artifacts:/PATH``: the id of a run and the name of its file.

    Raises:
        Refused: no such run, or a name that leads out of it.
    """
    run_id, _, name = path.strip("/").partition("/")
    job.find(run_id)
    try:
        return run_id, confined(name) if name else ""
    except errors.UserErrorException as error:
        raise invalid(f"Invalid path: {error}") from error


def keep(job: Job, path: str, body: "Any") -> None:
    """Store a file; one of that name is replaced.

    Args:
        job: the job.
        path: as for :func:`split`.
        body: its content.
    """
    run_id, name = split(job, path)
    if not name:
        raise invalid("An artifact must have a name.")
    if run_id != job.run.id:
        with tempfile.TemporaryDirectory() as folder:
            part = os.path.join(folder, "file")
            _write(part, body)
            job.find(run_id).upload_file(name, part)
        return
    target = os.path.join(job.run.folder, place_of(name))
    part = os.path.join(job.run.folder, f".upload-{os.getpid()}-{get_ident()}-{time():.6f}")
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(part, body)
        os.replace(part, target)
    except OSError as error:
        raise Refused("INTERNAL_ERROR", f"'{name}' could not be stored: {error}.") from error
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _write(path: str, body: "Any") -> None:
    with open(path, "xb") as file:
        for piece in iter(lambda: body.read(_CHUNK), b""):
            file.write(piece)


def find(job: Job, path: str) -> Stored:
    """Return a file of the run.

    Raises:
        Refused: there is no such file.
    """
    run_id, name = split(job, path)
    place = os.path.join(job.run.folder, place_of(name)) if name and run_id == job.run.id else ""
    if not os.path.isfile(place):
        raise missing(f"Run '{run_id}' has no file '{name}'.")
    return Stored(place)


def listing(job: Job, path: str) -> "dict[str, Any]":
    """Return the files and folders directly in a folder, with names relative to it; nothing if it is a file."""
    run_id, below = split(job, path)
    found = [each for each in listed(job, run_id, below) if each["path"] != below]
    return {"files": [{**each, "path": each["path"].rpartition("/")[2]} for each in found]}


def listed(job: Job, run_id: str, below: str) -> "list[dict[str, Any]]":
    """Return the files and folders directly in a folder of a run.

    Args:
        job: the job.
        run_id: the run.
        below: the folder; ``""`` for all of the run.
    """
    return folder_of([(name, _size(job, run_id, name)) for name in job.find(run_id).get_file_names()], below)


def _size(job: Job, run_id: str, name: str) -> "int | None":
    place = os.path.join(job.run.folder, place_of(name))
    return os.path.getsize(place) if run_id == job.run.id and os.path.isfile(place) else None
