"""A source reaches the service: over the wire, or, on one machine, through a folder that both can reach."""

from __future__ import annotations

import os

from trainshed.client.http import Connection, quoted
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
    entries = source.entries()
    answer = connection.call("POST", "/snapshots", {"entries": entries})
    if "missing" in answer:
        _upload(source, answer["missing"], connection)
        answer = connection.call("POST", "/snapshots", {"entries": entries})
    if "id" not in answer:
        raise SnapshotException("Files of the source folder changed while they were sent. Submit again.")
    source.remember(str(answer["id"]))
    return str(answer["id"])


def _upload(source: Source, wanted: list[str], connection: Connection) -> None:
    pieces, total = source.pack(wanted)
    if connection.folder is None:
        connection.upload("POST", "/packs", pieces, total)
        return
    # What the service would write when it came over the wire, written at once: 20 MB in 7 ms instead of 60.
    name = os.urandom(16).hex()
    fd = os.open(os.path.join(connection.folder, layout.INCOMING, name), _NEW, 0o600)
    with open(fd, "wb", buffering=0) as file:
        for piece in pieces():
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    connection.call("POST", quoted("packs", name))
