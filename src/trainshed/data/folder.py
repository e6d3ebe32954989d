"""Access to datastores that are folders on this node."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING, NotFoundException
from trainshed.spec.run import DataSpec
from trainshed.system.files import PUBLIC, replacing

if TYPE_CHECKING:
    from typing import Dict


def attach(item: DataSpec, store: Dict[str, str], run_dir: str, code_dir: str) -> str:
    """Make a data reference available before the script starts.

    Args:
        item: the data reference.
        store: record of the datastore, ``{"kind": "folder", "path": "/…"}``.
        run_dir: run directory.
        code_dir: working folder of the script, to which ``path_on_compute`` is relative.

    Returns:
        Absolute path that replaces the reference in the script's arguments. A folder that is not on the datastore is
        made there in mount mode, for the script to write to.

    Raises:
        NotFoundException: the path of a download does not exist on the datastore.
    """
    source = os.path.join(store["path"], item.path) if item.path else store["path"]
    if item.mode == "upload":
        folder = _local_path(item, run_dir, code_dir)
        os.makedirs(folder, exist_ok=True)
        return folder
    if not os.path.exists(source):
        if item.mode == "download":
            raise NotFoundException(
                f"Datastore '{item.datastore}' has nothing at '{item.path}'. Upload it first "
                "(datastore.upload) or correct the path of the data reference."
            )
        source = _on_store(item, store)
        _make(source)
    if item.mode == "mount":
        return _link(source, os.path.join(run_dir, "data", item.name))
    target = _local_path(item, run_dir, code_dir)
    copy(source, target, item.overwrite)
    return target


def detach(item: DataSpec, store: Dict[str, str], run_dir: str, code_dir: str) -> None:
    """Copy the files of a data reference in upload mode to its datastore, after the script.

    Args:
        item: the data reference.
        store: record of the datastore. ``"outbox"`` is the folder for files that the service collects later, if the
            datastore is on another machine.
        run_dir: run directory.
        code_dir: working folder of the script.
    """
    if item.mode == "upload":
        copy(_local_path(item, run_dir, code_dir), _on_store(item, store), item.overwrite)


def copy(source: str, target: str, overwrite: bool) -> None:
    """Copy a file, or a folder with its subfolders. Symbolic links and special files in a folder are skipped.

    Args:
        source: file or folder.
        target: path to copy to; for a file, it can be an existing folder to copy into.
        overwrite: replace existing files instead of skipping them.
    """
    import shutil  # takes 10 ms; not needed by runs that only link data

    if os.path.isfile(source):
        into_folder = os.path.isdir(target)
        pairs = [(source, os.path.join(target, os.path.basename(source)) if into_folder else target)]
    else:
        _make(target)
        pairs = [
            (os.path.join(folder, name), os.path.join(target, os.path.relpath(folder, source), name))
            for folder, _, names in os.walk(source)
            for name in names
        ]
    for origin, goal in pairs:
        if os.path.islink(origin) or not os.path.isfile(origin) or (os.path.exists(goal) and not overwrite):
            continue
        _make(os.path.dirname(goal))
        with open(origin, "rb") as source_file, replacing(goal, PUBLIC) as copy_file:
            shutil.copyfileobj(source_file, copy_file, 1 << 20)
        shutil.copystat(origin, goal)
        if not os.access(goal, os.W_OK):
            os.chmod(goal, os.stat(goal).st_mode | 0o200)  # the copy may be changed, whatever it is of


def _make(folder: str) -> None:
    """Create a folder and its missing parents, each as accessible as the one it is in, whatever our umask is."""
    if folder and not os.path.isdir(folder):
        above = os.path.dirname(folder)
        _make(above)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, os.stat(above or ".").st_mode & 0o777)


def _on_store(item: DataSpec, store: Dict[str, str]) -> str:
    """Return where files for the datastore go."""
    root = store.get("outbox", store["path"])
    return os.path.join(root, item.path) if item.path else root


def _local_path(item: DataSpec, run_dir: str, code_dir: str) -> str:
    if item.path_on_compute:
        return os.path.join(code_dir, os.path.expanduser(item.path_on_compute))
    return os.path.join(run_dir, "data", item.name)


def _link(source: str, link: str) -> str:
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(source, link)
    return link
