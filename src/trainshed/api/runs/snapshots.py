"""Taking and restoring snapshots independently of a submit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainshed.api.transfer import download
from trainshed.client.http import quoted
from trainshed.client.index import index_path
from trainshed.client.notice import warn
from trainshed.client.send import send
from trainshed.client.source import take as scan
from trainshed.errors import SnapshotException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


def take(workspace: WorkspaceLike, path: str | os.PathLike[str]) -> str:
    """Take a snapshot of a file or folder.

    Returns:
        Id of the snapshot.

    Raises:
        SnapshotException: the file or folder does not exist, or the snapshot cannot be taken.
    """
    if os.path.isfile(path):
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            shutil.copy2(path, folder)
            source = scan(folder)
            if source.secrets:
                raise SnapshotException(f"'{os.fspath(path)}' usually holds secrets, so no snapshot of it is taken.")
            return send(source, workspace.connection)
    if not os.path.isdir(path):
        raise SnapshotException(f"There is no file or folder '{os.fspath(path)}' to take a snapshot of.")
    source = scan(os.fspath(path), index_path(workspace.identity, os.path.realpath(path)))
    if source.secrets_note:
        warn(source.secrets_note)
    return source.known or send(source, workspace.connection)


def restore(workspace: WorkspaceLike, snapshot: str, path: str | os.PathLike[str] | None) -> str:
    """Download a snapshot as a zip archive.

    Args:
        workspace: workspace of the snapshot.
        snapshot: id of the snapshot.
        path: file or folder to write to. Default: the current folder.

    Returns:
        Path of the archive.

    Raises:
        NotFoundException: the snapshot does not exist.
    """
    pieces = workspace.connection.stream("GET", quoted("snapshots", snapshot))
    return download(pieces, f"{snapshot[:32]}.zip", path)
