"""Uploads and downloads of a run's files."""

from __future__ import annotations

import os

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, ServiceException, UserErrorException
from trainshed.spec.checks import without_dot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import IO, Any


class Uploaded:
    """A file that has been uploaded to a run.

    Attributes:
        artifacts: name of the file → ``{"artifactId": …, "path": …}``, as in SDK v1.
    """

    def __init__(self, run_id: str, name: str) -> None:
        self.artifacts = {name: {"artifactId": f"ExperimentRun/dcid.{run_id}/{name}", "path": name}}

    def serialize(self) -> dict[str, Any]:
        """Return the description as a dict.

        Example:
            >>> run.upload_file("plots/rain.txt", "./data/2026.csv").serialize()["artifacts"].keys()
            dict_keys(['plots/rain.txt'])
        """
        return {"artifacts": self.artifacts}

    def __repr__(self) -> str:
        return f"Uploaded({', '.join(self.artifacts)})"


_LOGS = ("azureml-logs/", "user_logs/", "system_logs/", "logs/")


class RunFiles(RunBase):
    """Mixin that lists, downloads and uploads the files of a run.

    Example:
        >>> "outputs/model.pkl" in run.get_file_names()
        True
        >>> run.download_file("outputs/model.pkl", "model.pkl")
    """

    def read(self, name: str) -> Iterable[bytes]:
        """Yield the current content of a file of the run, in chunks (Trainshed extension).

        Args:
            name: name of the file, as returned by :meth:`get_file_names`.

        Raises:
            NotFoundException: the file does not exist. The message suggests the closest match.
            ServiceException: it has changed since the run ended; perhaps not raised before the last chunk.
        """
        self._settle()
        connection, path = self._experiment.workspace.connection, self._path(self._id, "files", without_dot(name))
        return _with_reason(connection.stream("GET", path), lambda: connection.stream("GET", path))

    def get_file_names(self) -> Any:
        """Return the sorted names of the run's files: outputs, logs and uploaded files.

        Example:
            >>> "outputs/model.pkl" in run.get_file_names()
            True
        """
        return sorted(file["name"] for file in self._call("GET", "files")["files"])

    def download_file(
        self, name: str, output_file_path: str | os.PathLike[str] | None = None, _validate_checksum: bool = False
    ) -> None:
        """Download a file of the run.

        Args:
            name: name of the file, as returned by :meth:`get_file_names`.
            output_file_path: file to write, or folder in which to keep the base name. Default: the current folder.

        Raises:
            NotFoundException: the file does not exist. A subclass of UserErrorException; the message suggests the
                closest match.

        Example:
            >>> run.download_file("outputs/model.pkl", "downloaded.pkl")
        """
        from trainshed.api.transfer import download

        download(self.read(name), name, output_file_path)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | os.PathLike[str] | None = None,
        output_paths: Any = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> None:
        """Download files of the run.

        Args:
            prefix: only files whose names start with this prefix.
            output_directory: local folder. Default: the current folder.
            output_paths: local path of each file, in the order of their names; replaces ``output_directory``.
            batch_size: ignored.
            append_prefix: keep the prefix in the local paths.
            timeout_seconds: ignored.

        Raises:
            UserErrorException: the number of paths differs from the number of files.
        """
        from trainshed.api.transfer import download, local_paths

        prefix = without_dot(prefix or "")
        names = [name for name in self.get_file_names() if name.startswith(prefix)]
        paths = local_paths(names, prefix, output_directory, output_paths, append_prefix)
        for name, path in zip(names, paths, strict=True):
            download(self.read(name), name, path)

    def upload_file(
        self, name: str, path_or_stream: str | os.PathLike[str] | IO[bytes], datastore_name: Any = None
    ) -> Uploaded:
        """Upload a file to the run.

        Args:
            name: name of the file in the run, e.g. ``"outputs/model.pkl"``.
            path_or_stream: path of a local file, or a file-like object.
            datastore_name: ignored.

        Returns:
            A description of the uploaded file.

        Raises:
            UserErrorException: the local file does not exist, or the run already has a file with this name.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     uploaded = run.upload_file("outputs/weather.csv", "./data/2026.csv")
            >>> "outputs/weather.csv" in run.get_file_names()
            True
        """
        from trainshed.api.transfer import opened

        with opened(path_or_stream) as (body, size):
            connection = self._experiment.workspace.connection
            connection.upload("PUT", self._path(self._id, "files", without_dot(name)), body, size)
        return Uploaded(self._id, without_dot(name))

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[str | os.PathLike[str]],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: Any = None,
    ) -> Any:
        """Upload files to the run.

        Args:
            names: names of the files in the run.
            paths: paths of the local files.
            return_artifacts: return a description of the files.
            timeout_seconds: ignored.
            datastore_name: ignored.

        Returns:
            Name → ``{"name": …, "path": …}`` if ``return_artifacts`` is set, otherwise None.

        Raises:
            TypeError: the number of paths differs from the number of names.
            UserErrorException: a local file does not exist, or the run already has a file with one of the names.
        """
        if len(names) != len(paths):
            raise TypeError(f"upload_files got {len(names)} names and {len(paths)} paths. Pass one path for each name.")
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)
        if not return_artifacts:
            return None
        return {name: {"name": name, "path": os.fspath(path)} for name, path in zip(names, paths, strict=True)}

    def upload_folder(self, name: str, path: str | os.PathLike[str], datastore_name: Any = None) -> None:
        """Upload a folder to the run.

        Args:
            name: name of the folder in the run, e.g. ``"outputs/plots"``.
            path: local folder.
            datastore_name: ignored.

        Raises:
            UserErrorException: the folder does not exist, or the run already has a file with one of the names.
        """
        if not os.path.isdir(path):
            raise UserErrorException(f"There is no folder '{os.fspath(path)}' to upload.")
        from trainshed.api.transfer import files_below

        for file, relative in files_below(path):
            self.upload_file(f"{name.rstrip('/')}/{relative}", file)

    def _get_outputs_datapath(self) -> Any:
        """Return the run's ``outputs/`` folder as a DataPath, which SDK v1 tutorials pass as ``resume_from``."""
        from trainshed.api.data.data_reference import DataPath
        from trainshed.api.data.datastore import Datastore

        found = self._call("POST", "outputs")
        return DataPath(Datastore(self._experiment.workspace, _record=found["datastore"]), found["path"])

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> Any:
        """Download all log files.

        Args:
            destination: local folder. Default: a new temporary folder.

        Returns:
            List of paths of the downloaded files.
        """
        from trainshed.api.transfer import download, local_paths, temporary_folder

        folder = temporary_folder(self._id) if destination is None else destination
        names = self._log_names()
        return [
            download(self.read(name), name, path)
            for name, path in zip(names, local_paths(names, "", folder, None, True), strict=True)
        ]

    def _log_names(self) -> Any:
        return [name for name in self.get_file_names() if name.startswith(_LOGS)]


def _with_reason(pieces: Iterable[bytes], again: Callable[[], object]) -> Iterator[bytes]:
    """Yield what arrives; if the response breaks off, ask again, because the service may have found why it should."""
    try:
        yield from pieces
    except ServiceException:
        again()
        raise
