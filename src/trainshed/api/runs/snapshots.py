"""Snapshots apart from a submit: of a folder or a file, and back as an archive."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainshed.api.transfer import download
from trainshed.client.http import quoted
from trainshed.client.index import index_path
from trainshed.client.send import send
from trainshed.client.source import take as look
from trainshed.errors import SnapshotException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


def take(workspace: WorkspaceLike, path: str | os.PathLike[str]) -> str:
    """Keep a snapshot.

    Returns:
        Its id.

    Raises:
        SnapshotException: nothing there, or it cannot be kept.
    """
    if os.path.isfile(path):
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            shutil.copy2(path, folder)
            return send(look(folder), workspace.connection)
    if not os.path.isdir(path):
        raise SnapshotException(f"There is no file or folder '{os.fspath(path)}' to take a snapshot of.")
    source = look(os.fspath(path), index_path(workspace.identity, os.path.realpath(path)))
    return source.known or send(source, workspace.connection)


def restore(workspace: WorkspaceLike, snapshot: str, path: str | os.PathLike[str] | None) -> str:
    """Download a snapshot.

    Args:
        workspace: where it is kept.
        snapshot: its id.
        path: file or folder for it; the current folder if None.

    Returns:
        Path of a zip archive.

    Raises:
        NotFoundException: no such snapshot.
    """
    pieces = workspace.connection.stream("GET", quoted("snapshots", snapshot))
    return download(pieces, f"{snapshot[:32]}.zip", path)
