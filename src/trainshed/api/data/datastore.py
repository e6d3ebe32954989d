"""A datastore: a folder with a name, on which data lies that runs read and write."""

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
        workspace: the workspace.
        name: its name; None: the default datastore.

    Raises:
        NotFoundException: no such datastore (a UserErrorException); the sentence names those there are.

    Example:
        >>> ds = ws.get_default_datastore()
        >>> uploaded = ds.upload("./data", target_path="diabetes", overwrite=True, show_progress=False)
        >>> params = {"--data-folder": ds.path("diabetes").as_mount()}
    """

    datastore_type = "Folder"

    def __new__(cls, workspace: WorkspaceLike, name: str | None = None, **kwargs: Any) -> Datastore:  # noqa: PYI034
        """Return an object of the class that v1 had for a datastore of this name."""
        record = kwargs.get("_record") or _chosen(workspace, name)
        made = object.__new__(_CLASSES.get(record["name"], Datastore))
        made._record = record
        return made

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
            NotFoundException: no such datastore.
        """
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: WorkspaceLike) -> Datastore:
        """Return the default datastore of a workspace."""
        return Datastore(workspace)

    @staticmethod
    def register_folder(workspace: WorkspaceLike, name: str, path: str | os.PathLike[str]) -> Datastore:
        """Give a folder of this machine a name as a datastore (ours).

        Args:
            workspace: the workspace.
            name: letters, digits and underscores, so that references can be named after it.
            path: the folder; it must exist.

        Raises:
            UserErrorException: no such folder, or a name that cannot be used.
        """
        folder = os.path.abspath(os.path.expanduser(path))
        record = workspace.connection.call("PUT", quoted("datastores", name), {"kind": "folder", "path": folder})
        return Datastore(workspace, name, _record=record)

    @staticmethod
    def _all(workspace: WorkspaceLike) -> list[Datastore]:
        return [Datastore(workspace, _record=record) for record in _records(workspace)]

    def set_as_default(self) -> None:
        """Make it the one on which data lies unless said otherwise."""
        self._record = self.workspace.connection.call("PUT", quoted("datastores", self.name, "default"))
        self.is_default = True

    def unregister(self) -> None:
        """Forget the datastore; its files stay."""
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
            src_dir: the folder; all below it is uploaded, links that are broken or lead to folders are not.
            target_path: folder on the datastore; None: its root.
            overwrite: replace files that are there; otherwise they are kept.
            show_progress: print what is done.

        Returns:
            A reference to ``target_path``.

        Raises:
            UserErrorException: no such folder.

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
            files: their paths.
            relative_root: folder to which their paths on the datastore are relative; None: what they have in common.
            target_path: folder on the datastore; None: its root.
            overwrite: replace files that are there; otherwise they are kept.
            show_progress: print what is done.

        Returns:
            A reference to ``target_path``.

        Raises:
            UserErrorException: one of them does not exist.
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
            target_path: local folder; it is made. The path on the datastore is kept below it.
            prefix: only this file, or what is in this folder.
            overwrite: replace files that are there; otherwise they are kept.
            show_progress: print what is done.

        Returns:
            Number of files downloaded.
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
        """Return a reference to a place on the datastore.

        Args:
            path: file or folder; None: its root.
            data_reference_name: letters, digits and underscores; made up if None.

        Example:
            >>> inputs = [ds.path("weather", data_reference_name="weather").as_download()]
            >>> estimator = Estimator("./src", compute_target="local", entry_script="train.py", inputs=inputs)
        """
        return DataReference(self, data_reference_name, "/".join(_parts(path)) or None)

    def as_mount(self) -> DataReference:
        """Return a reference that shows the datastore itself to the script.

        Example:
            >>> params = {"--data": ds.as_mount()}  # the script gets the path of the folder
            >>> estimator = Estimator("./src", compute_target="local", entry_script="train.py", script_params=params)
        """
        return DataReference(self).as_mount()

    def as_download(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference whose files are copied to the node before the script starts."""
        return DataReference(self).as_download(path_on_compute)

    def as_upload(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference whose files are copied to the datastore after the script ended.

        Args:
            path_on_compute: folder in which the script leaves them.
        """
        return DataReference(self).as_upload(path_on_compute)

    def __repr__(self) -> str:
        return f"Datastore(name={self.name!r}, folder={self.folder!r})"


class AzureBlobDatastore(Datastore):
    """The folder that v1's workspaces knew as their blob store."""

    datastore_type = "AzureBlob"


class AzureFileDatastore(Datastore):
    """The folder that v1's workspaces knew as their file store."""

    datastore_type = "AzureFile"


_CLASSES = {"workspaceblobstore": AzureBlobDatastore, "workspacefilestore": AzureFileDatastore}


def _records(workspace: WorkspaceLike) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = workspace.connection.call("GET", "/datastores")["datastores"]
    return records


def _chosen(workspace: WorkspaceLike, name: str | None) -> dict[str, Any]:
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
