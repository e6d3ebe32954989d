"""File datasets."""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING, Any

from trainshed.api.data.abstract_dataset import AbstractDataset
from trainshed.api.data.consumption import DatasetConsumptionConfig
from trainshed.api.data.dataset_paths import checked_format, parse_paths, validated
from trainshed.api.transfer import files_below
from trainshed.errors import NotFoundException, UserErrorException

if TYPE_CHECKING:
    from trainshed.api.data.expression import ColumnExpression
    from trainshed.api.data.file_filter import FileMetadata


class FileDataset(AbstractDataset, kind="file"):
    """A dataset of files on a datastore, on this machine or on the web.

    Example:
        >>> dataset.to_path()
        ['/2026.csv']
        >>> [path.rpartition("/")[2] for path in dataset.download("./weather", overwrite=True)]
        ['2026.csv']
    """

    def to_path(self) -> list[str]:
        """Return the paths of the files in the dataset, each with a leading ``/``."""
        return ["/" + file.relative.replace(os.sep, "/") for file in self._found()]

    def download(
        self, target_path: str | None = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> list[str]:
        """Download the files.

        Args:
            target_path: local folder. Default: a new temporary folder.
            overwrite: replace existing files.
            ignore_not_found: return an empty list if there are no files.

        Returns:
            Paths of the downloaded files.

        Raises:
            NotFoundException: there are no files.
            UserErrorException: a file exists already and ``overwrite`` is False.
        """
        import tempfile

        from trainshed.api.data.fetch import copy_to

        try:
            found = self._found()
        except NotFoundException:
            if ignore_not_found:
                return []
            raise
        target = os.path.abspath(target_path or tempfile.mkdtemp(prefix="dataset-"))
        paths = [os.path.join(target, file.relative) for file in found]
        existing = next((path for path in paths if os.path.exists(path)), None)
        if existing and not overwrite:
            raise UserErrorException(
                f"'{existing}' already exists. Choose another target_path, or pass overwrite=True."
            )
        copy_to(found, paths, self._workspace)
        return paths

    def filter(self, expression: ColumnExpression) -> FileDataset:
        """Return a dataset of the files for which a condition is true now.

        Args:
            expression: condition on :attr:`file_metadata` and values in paths (``partition_format``), combined with
                ``&``, ``|`` and ``~``.

        Raises:
            UserErrorException: it is not such a condition, or pandas is not installed.

        Example:
            >>> dataset.filter(dataset.file_metadata["Size"] > 10).to_path()
            ['/2026.csv']
        """
        from trainshed.api.data.fetch import local
        from trainshed.api.data.file_filter import chosen

        files = self._found()
        paths = [path for path, _ in local(files, self._workspace)]
        places = chosen(files, paths, self._definition.get("partition"), expression)
        return FileDataset({**self._definition, "paths": places, "steps": []}, self._workspace)

    @property
    def file_metadata(self) -> FileMetadata:
        """Facts about the files, for conditions in :meth:`filter`."""
        from trainshed.api.data.file_filter import FileMetadata

        return FileMetadata()

    def __getitem__(self, key: str) -> ColumnExpression:
        """Return a value in the files' paths (``partition_format``), for a condition in :meth:`filter`.

        Args:
            key: its name.

        Raises:
            UserErrorException: the paths have no value of this name.
        """
        from trainshed.api.data.expression import ColumnExpression

        if key not in self.partition_keys:
            raise UserErrorException(f"The dataset has no partition key {key!r}. Available: {self.partition_keys}.")
        return ColumnExpression(["column", key])

    def mount(self, mount_point: str | None = None, **_: Any) -> MountContext:
        """Return a context manager that mounts the dataset: it creates a folder of links to the files.

        Args:
            mount_point: the folder. Default: a new temporary folder.

        Example:
            >>> with dataset.mount() as mounted:
            ...     os.listdir(mounted.mount_point)
            ['2026.csv']
        """
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the dataset as an input with a generated name; see :meth:`DatasetConsumptionConfig.as_mount`."""
        return DatasetConsumptionConfig(_generated_name(), self, "mount", path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the dataset as an input with a generated name; see :meth:`DatasetConsumptionConfig.as_download`."""
        return DatasetConsumptionConfig(_generated_name(), self, "download", path_on_compute)


class MountContext:
    """Context manager that mounts a dataset as a folder of links to its files.

    Args:
        dataset: dataset to mount.
        mount_point: the folder. Default: a new temporary folder.

    Attributes:
        mount_point: path of the folder.

    Example:
        >>> import os
        >>> with dataset.mount() as mounted:
        ...     os.listdir(mounted.mount_point)
        ['2026.csv']
    """

    def __init__(self, dataset: FileDataset, mount_point: str | None) -> None:
        import tempfile

        self._dataset = dataset
        self._own = mount_point is None
        self.mount_point = mount_point or tempfile.mkdtemp(prefix="dataset-")

    def start(self) -> None:
        """Mount the dataset."""
        from trainshed.data.dataset import lay

        lay(self._dataset._local(), self.mount_point, link=True)

    def stop(self) -> None:
        """Unmount the dataset."""
        import shutil

        if self._own:
            shutil.rmtree(self.mount_point, ignore_errors=True)
            return
        for at, _, names in os.walk(self.mount_point):
            for name in names:
                if os.path.islink(os.path.join(at, name)):
                    os.unlink(os.path.join(at, name))

    def __enter__(self) -> MountContext:  # noqa: PYI034 - Self came with Python 3.11
        """Mount the dataset."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount the dataset."""
        self.stop()


class FileFactory:
    """Creates file datasets; available as ``Dataset.File``.

    Example:
        >>> Dataset.File.from_files((ds, "weather/*.csv")).to_path()
        ['/2026.csv']
    """

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: Any = None, is_file: bool = False
    ) -> FileDataset:
        """Create a dataset of files.

        Args:
            path: ``(datastore, "folder/*.csv")``, a local path, the web address of a file, or a list of these. The
                patterns ``*``, ``**`` and ``?`` are supported, except in web addresses. Web files are downloaded when
                they are needed, and again only if they have changed.
            validate: check that the files exist.
            partition_format: format of the end of the paths, with names for values, as in
                ``"/{country}/{day:yyyy/MM/dd}/*.csv"``; for :meth:`FileDataset.filter`.
            is_file: ignored.

        Raises:
            NotFoundException: a path matches no files, or there is none at a web address.
            UserErrorException: a web address is invalid, or the file cannot be downloaded.
        """
        paths, workspace = parse_paths(path)
        partition = {"partition": checked_format(partition_format)} if partition_format else {}
        dataset = FileDataset({"type": "file", "paths": paths, "steps": [], **partition}, workspace)
        return validated(dataset, validate)  # type: ignore[no-any-return]

    @staticmethod
    def upload_directory(
        src_dir: str, target: Any, pattern: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Upload a folder and return a dataset of the uploaded files.

        Args:
            src_dir: local folder.
            target: ``(datastore, "folder")`` or a DataPath.
            pattern: upload only files whose relative paths match this glob pattern.
            overwrite: replace existing files.
            show_progress: print progress messages.

        Raises:
            UserErrorException: the folder does not exist.
        """
        if not os.path.isdir(src_dir):
            raise UserErrorException(f"There is no folder '{src_dir}' to upload.")
        paths, workspace = parse_paths(target)
        if workspace is None:
            raise UserErrorException("The target of an upload must be (datastore, 'folder on it').")
        files = [
            file for file, relative in files_below(src_dir) if pattern is None or fnmatch.fnmatch(relative, pattern)
        ]
        store = workspace.datastores[paths[0]["datastore"]]
        store.upload_files(files, src_dir, paths[0]["path"], overwrite, show_progress)
        return FileFactory.from_files((store, paths[0]["path"]))


def _generated_name() -> str:
    return f"input_{os.urandom(4).hex()}"
