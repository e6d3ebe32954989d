"""Datastores: named folders that store the data of runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.data.data_reference import DataReference
from trainshed.api.transfer import download, files_below, opened
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.spec.checks import check_relative_path

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


class Datastore:
    """A datastore of a workspace.

    Args:
        workspace: workspace of the datastore.
        name: name of the datastore. Default: the workspace's default datastore.

    Raises:
        NotFoundException: the datastore does not exist. A subclass of UserErrorException; the message lists the
            existing datastores.

    Example:
        >>> ds = ws.get_default_datastore()
        >>> uploaded = ds.upload("./data", target_path="diabetes", overwrite=True, show_progress=False)
        >>> params = {"--data-folder": ds.path("diabetes").as_mount()}
    """

    datastore_type = "Folder"

    def __new__(cls, workspace: WorkspaceLike, name: str | None = None, **kwargs: Any) -> Datastore:  # noqa: PYI034
        """Create an instance of the class that SDK v1 has for a datastore with this name."""
        record = kwargs.get("_record") or _find(workspace, name)
        datastore = object.__new__(_CLASSES.get(record["name"], Datastore))
        datastore._record = record
        return datastore

    def __init__(self, workspace: WorkspaceLike, name: str | None = None, **_: Any) -> None:
        self._record: dict[str, Any]
        self.workspace = workspace
        record = self._record
        self.name: str = record["name"]
        self.folder: str = record["path"]
        self.is_default = bool(record.get("default"))
        self.account_name: str | None = None
        self.container_name: str | None = self.name
        self.account_key: str | None = None
        self.sas_token: str | None = None
        self.endpoint: str | None = None
        self.protocol = "file"

    @staticmethod
    def get(workspace: WorkspaceLike, datastore_name: str) -> Datastore:
        """Return a datastore by its name.

        Raises:
            NotFoundException: the datastore does not exist.
        """
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: WorkspaceLike) -> Datastore:
        """Return the workspace's default datastore."""
        return Datastore(workspace)

    @staticmethod
    def register_folder(workspace: WorkspaceLike, name: str, path: str | os.PathLike[str]) -> Datastore:
        """Register a folder on the service's machine as a datastore (Trainshed extension).

        Args:
            workspace: workspace in which to register the datastore.
            name: letters, digits and underscores.
            path: an existing folder.

        Raises:
            UserErrorException: the folder does not exist, or the name is invalid.
        """
        folder = os.path.abspath(os.path.expanduser(path))
        record = workspace.connection.call("PUT", quoted("datastores", name), {"kind": "folder", "path": folder})
        return Datastore(workspace, name, _record=record)

    @staticmethod
    def _all(workspace: WorkspaceLike) -> list[Datastore]:
        return [Datastore(workspace, _record=record) for record in _records(workspace)]

    def set_as_default(self) -> None:
        """Set this datastore as the workspace's default."""
        self._record = self.workspace.connection.call("PUT", quoted("datastores", self.name, "default"))
        self.is_default = True

    def unregister(self) -> None:
        """Unregister the datastore. Its files are kept."""
        self.workspace.connection.call("DELETE", quoted("datastores", self.name))

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload a folder.

        Args:
            src_dir: local folder. Uploaded with its subfolders, except for symbolic links that are broken or point to
                folders.
            target_path: folder on the datastore. Default: its root.
            overwrite: replace existing files instead of skipping them.
            show_progress: print progress messages.

        Returns:
            A reference to ``target_path``.

        Raises:
            UserErrorException: the folder does not exist.

        Example:
            >>> ds.upload("./data", target_path="rainfall", show_progress=False).path_on_datastore
            'rainfall'
        """
        root = os.fspath(src_dir)
        if not os.path.isdir(root):
            raise UserErrorException(f"There is no folder '{root}' to upload.{_near(root)}")
        files = [file for file, _ in files_below(root)]
        return self._upload(files, root, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[str],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload files.

        Args:
            files: paths of local files.
            relative_root: local folder; paths relative to it are kept on the datastore. Default: the common parent.
            target_path: folder on the datastore. Default: its root.
            overwrite: replace existing files instead of skipping them.
            show_progress: print progress messages.

        Returns:
            A reference to ``target_path``.

        Raises:
            UserErrorException: a file does not exist.
        """
        paths = [os.path.abspath(file) for file in files]
        for path, given in zip(paths, files, strict=True):
            if not os.path.isfile(path):
                raise UserErrorException(f"There is no file '{given}' to upload.{_near(str(given))}")
        root = (
            os.path.abspath(relative_root)
            if relative_root
            else os.path.commonpath([os.path.dirname(p) for p in paths] or ["."])
        )
        return self._upload(paths, root, target_path, overwrite, show_progress)

    def _upload(self, files: list[str], root: str, target: str | None, overwrite: bool, show: bool) -> DataReference:
        say = _printer(show)
        say(f"Uploading an estimated of {len(files)} files")
        done = 0
        for file in files:
            path = "/".join([*_parts(target), *_parts(os.path.relpath(file, root))])
            check_relative_path(path, "Path on the datastore")
            with opened(file) as (body, size):
                answer = self.workspace.connection.upload(
                    "PUT", quoted("datastores", self.name, "files", path), body, size, {"overwrite": int(overwrite)}
                )
            if answer["stored"]:
                done += 1
                say(f"Uploaded {file}, {done} files out of an estimated total of {len(files)}")
            else:
                say(f"Target already exists. Skipping upload for {path}")
        say(f"Uploaded {done} files")
        return self.path(target)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Download files.

        Args:
            target_path: local folder, created if necessary. The files keep their paths on the datastore.
            prefix: download only this file or folder. Default: all files.
            overwrite: replace existing files instead of skipping them.
            show_progress: print progress messages.

        Returns:
            Number of downloaded files.
        """
        say, connection, done = _printer(show_progress), self.workspace.connection, 0
        base = quoted("datastores", self.name, "files")
        files = connection.call("GET", base, query={"prefix": prefix})["files"]
        os.makedirs(target_path, exist_ok=True)
        for file in files:
            local = os.path.join(target_path, *check_relative_path(file["name"], "File name").split("/"))
            if os.path.exists(local) and not overwrite:
                say(f"Target already exists. Skipping download for {local}")
                continue
            download(connection.stream("GET", base + quoted(file["name"])), file["name"], local)
            done += 1
            say(f"Downloaded {file['name']}, {done} files out of an estimated total of {len(files)}")
        say(f"Downloaded {done} files")
        return done

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """Return a reference to a path on the datastore.

        Args:
            path: path of a file or folder. Default: the datastore's root.
            data_reference_name: letters, digits and underscores. Default: a generated name.

        Example:
            >>> inputs = [ds.path("weather", data_reference_name="weather").as_download()]
            >>> estimator = Estimator("./src", compute_target="local", entry_script="train.py", inputs=inputs)
        """
        return DataReference(self, data_reference_name, "/".join(_parts(path)) or None)

    def as_mount(self) -> DataReference:
        """Return a reference to the datastore in mount mode: the script accesses the datastore directly.

        Example:
            >>> params = {"--data": ds.as_mount()}  # the script gets the folder's path
            >>> estimator = Estimator("./src", compute_target="local", entry_script="train.py", script_params=params)
        """
        return DataReference(self).as_mount()

    def as_download(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference in download mode: its files are copied to the node before the script starts."""
        return DataReference(self).as_download(path_on_compute)

    def as_upload(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference in upload mode: its files are copied to the datastore after the script exits.

        Args:
            path_on_compute: folder on the node to upload.
        """
        return DataReference(self).as_upload(path_on_compute)

    def __repr__(self) -> str:
        return f"Datastore(name={self.name!r}, folder={self.folder!r})"


class AzureBlobDatastore(Datastore):
    """The datastore ``workspaceblobstore``, which is a blob store in SDK v1 and a folder here."""

    datastore_type = "AzureBlob"


class AzureFileDatastore(Datastore):
    """The datastore ``workspacefilestore``, which is a file share in SDK v1 and a folder here."""

    datastore_type = "AzureFile"


_CLASSES = {"workspaceblobstore": AzureBlobDatastore, "workspacefilestore": AzureFileDatastore}


def _records(workspace: WorkspaceLike) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = workspace.connection.call("GET", "/datastores")["datastores"]
    return records


def _find(workspace: WorkspaceLike, name: str | None) -> dict[str, Any]:
    records = {record["name"]: record for record in _records(workspace)}
    for record in records.values():
        if record["name"] == name or (name is None and record.get("default")):
            return record
    raise NotFoundException(
        f"There is no datastore '{name}'. Available: {', '.join(sorted(records))}.{did_you_mean(str(name), records)}"
    )


def _parts(path: str | None) -> Iterator[str]:
    return (part for part in (path or "").replace(os.sep, "/").split("/") if part not in ("", "."))


def _near(path: str) -> str:
    folder, name = os.path.split(path.rstrip(os.sep))
    return did_you_mean(name, os.listdir(folder or ".") if os.path.isdir(folder or ".") else ())


def _printer(show: bool) -> Any:
    return (lambda line: sys.stdout.write(line + "\n")) if show else (lambda _: None)
