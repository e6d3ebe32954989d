"""Files of a run."""

from __future__ import annotations

import os

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, UserErrorException

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import IO, Any

_LOGS = ("azureml-logs/", "user_logs/", "system_logs/", "logs/")


class RunFiles(RunBase):
    """What a run has written, and how to fetch it.

    Example:
        >>> "outputs/model.pkl" in run.get_file_names()
        True
        >>> run.download_file("outputs/model.pkl", "model.pkl")
    """

    def read(self, name: str) -> Iterable[bytes]:
        """Yield the content of a file of the run as it is now (ours).

        Args:
            name: as :meth:`get_file_names` gives it.

        Raises:
            NotFoundException: no such file; the sentence names the nearest.
        """
        self._settle()
        return self._experiment.workspace.connection.stream("GET", self._path(self._id, "files", name))

    def get_file_names(self) -> Any:
        """Return the sorted names of the run's files: ``outputs/…``, ``logs/…``, ``azureml-logs/…``, uploads.

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
            name: as :meth:`get_file_names` gives it.
            output_file_path: where to; a folder keeps the file's own name; None: the current folder.

        Raises:
            NotFoundException: no such file (a UserErrorException); the sentence names the nearest.

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
            prefix: only files whose names begin so.
            output_directory: folder for them; the current one if None.
            output_paths: instead, a path for each file, in the order of their names.
            batch_size: accepted and not used.
            append_prefix: keep the prefix in the local paths.
            timeout_seconds: accepted and not used.

        Raises:
            UserErrorException: another number of paths than of files.
        """
        from trainshed.api.transfer import download, local_paths

        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        paths = local_paths(names, prefix or "", output_directory, output_paths, append_prefix)
        for name, path in zip(names, paths, strict=True):
            download(self.read(name), name, path)

    def upload_file(
        self, name: str, path_or_stream: str | os.PathLike[str] | IO[bytes], datastore_name: Any = None
    ) -> None:
        """Add a file to the run.

        Args:
            name: its name in the run, e.g. ``"outputs/model.pkl"``.
            path_or_stream: a local file, or something with ``read()``.
            datastore_name: accepted and not used.

        Raises:
            UserErrorException: no such local file, or the run has a file of this name.

        Example:
            >>> with experiment.start_logging(snapshot_directory=None) as run:
            ...     run.upload_file("outputs/weather.csv", "./data/2026.csv")
            >>> "outputs/weather.csv" in run.get_file_names()
            True
        """
        from trainshed.api.transfer import opened

        with opened(path_or_stream) as (body, size):
            connection = self._experiment.workspace.connection
            connection.upload("PUT", self._path(self._id, "files", name), body, size)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[str | os.PathLike[str]],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: Any = None,
    ) -> Any:
        """Add files to the run.

        Returns:
            Name → ``{"name", "path"}`` of each, if asked for.

        Raises:
            TypeError: another number of paths than of names.
            UserErrorException: no such local file, or the run has a file of a name.
        """
        if len(names) != len(paths):
            raise TypeError(f"upload_files got {len(names)} names and {len(paths)} paths. Pass one path for each name.")
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)
        return (
            {name: {"name": name, "path": os.fspath(path)} for name, path in zip(names, paths, strict=True)}
            if (return_artifacts)
            else None
        )

    def upload_folder(self, name: str, path: str | os.PathLike[str], datastore_name: Any = None) -> None:
        """Add a folder's files to the run.

        Raises:
            UserErrorException: no such folder, or the run has a file of a name.
        """
        if not os.path.isdir(path):
            raise UserErrorException(f"There is no folder '{os.fspath(path)}' to upload.")
        from trainshed.api.transfer import files_below

        for file, relative in files_below(path):
            self.upload_file(f"{name.rstrip('/')}/{relative}", file)

    def _get_outputs_datapath(self) -> Any:
        """Return where its ``outputs/`` lie, as a DataPath: v1's tutorials resume from it (``resume_from=``)."""
        from trainshed.api.data.data_reference import DataPath
        from trainshed.api.data.datastore import Datastore

        found = self._call("POST", "outputs")
        return DataPath(Datastore(self._experiment.workspace, _record=found["datastore"]), found["path"])

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> Any:
        """Download all logs.

        Args:
            destination: folder for them; a new temporary one if None.

        Returns:
            Their paths.
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
