"""A source reaches the service: over the wire, or, on one machine, through a folder that both can reach."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from trainshed.client.http import Connection
from trainshed.client.source import Source
from trainshed.errors import SnapshotException
from trainshed.spec import layout

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
        if connection.folder is None:
            connection.upload("POST", "/packs", pieces, total)
        else:
            manifest["pack"] = _write(pieces(), os.path.join(connection.folder, layout.INCOMING))
        response = connection.call("POST", "/snapshots", manifest)
    if "id" not in response:
        raise SnapshotException("Files of the source folder changed while they were sent. Submit again.")
    source.remember(str(response["id"]))
    return str(response["id"])


def _write(pieces: Iterable[bytes], folder: str) -> str:
    """Write what the service would write when it came over the wire: 20 MB in 7 ms instead of 60."""
    name = os.urandom(16).hex()
    with open(os.open(os.path.join(folder, name), _NEW, 0o600), "wb", buffering=0) as file:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    return name
