"""A source reaches the service: over the wire, or, on one machine, through a file that the service names."""

from __future__ import annotations

import os

from trainshed.client.http import Connection
from trainshed.client.source import Source
from trainshed.errors import TYPE_CHECKING, SnapshotException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def send(source: Source, connection: Connection) -> str:
    """Bring a source to the service; only contents that it lacks are sent.

    Args:
        source: what :func:`trainshed.client.source.take` gave.
        connection: to the service.

    Returns:
        Id of the snapshot; it is remembered for the next time.

    Raises:
        SnapshotException: the service does not accept it.
    """
    manifest: dict[str, Any] = {"entries": source.entries()}
    response = connection.call("POST", "/snapshots", manifest)
    if "missing" in response:
        pieces, total = source.pack(response["missing"])
        manifest["pack"] = _written(pieces, response.get("write_to"))
        if manifest["pack"] is None:
            connection.upload("POST", "/packs", pieces, total)
        response = connection.call("POST", "/snapshots", manifest)
    if "id" not in response:
        raise SnapshotException("Files of the source folder changed while they were sent. Submit again.")
    source.remember(str(response["id"]))
    return str(response["id"])


def _written(pieces: Callable[[], Iterable[bytes]], path: str | None) -> str | None:
    """Write what the service would write if it came over the wire: 20 MB in 7 ms instead of 60.

    Args:
        pieces: the pack.
        path: where the service wants it; None where it shares no folder with this client.

    Returns:
        The pack's name; None if there is no such place here, as in a container.
    """
    if path is None:
        return None
    try:
        fd = os.open(path, _NEW, 0o600)
    except OSError:
        return None
    with open(fd, "wb", buffering=0) as file:
        for piece in pieces():
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    return os.path.basename(path)
