"""Datasets of files."""

from __future__ import annotations

import fnmatch
import os
from typing import Any

from trainshed.api.data.abstract_dataset import AbstractDataset, places, validated
from trainshed.api.data.consumption import DatasetConsumptionConfig
from trainshed.api.transfer import files_below
from trainshed.errors import NotFoundException, UserErrorException


class FileDataset(AbstractDataset, kind="file"):
    """Files, by where they are.

    Example:
        >>> dataset.to_path()
        ['/2026.csv']
        >>> [path.rpartition("/")[2] for path in dataset.download("./weather", overwrite=True)]
        ['2026.csv']
    """

    def to_path(self) -> list[str]:
        """Return the paths of its files in it, each with a ``/`` in front, as v1 did."""
        return ["/" + file.relative.replace(os.sep, "/") for file in self._found()]

    def download(
        self, target_path: str | None = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> list[str]:
        """Copy its files.

        Args:
            target_path: folder for them; a new temporary one if None.
            overwrite: replace files that are there.
            ignore_not_found: return nothing where nothing is there.

        Returns:
            Their paths.

        Raises:
            NotFoundException: nothing is there.
            UserErrorException: a file is there already, without ``overwrite``.
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
        there = next((path for path in paths if os.path.exists(path)), None)
        if there and not overwrite:
            raise UserErrorException(f"'{there}' already exists. Choose another target_path, or pass overwrite=True.")
        copy_to(found, paths, self._workspace)
        return paths

    def mount(self, mount_point: str | None = None, **_: Any) -> MountContext:
        """Return a context in which its files lie in a folder, as links.

        Args:
            mount_point: the folder; a new temporary one if None.

        Example:
            >>> with dataset.mount() as mounted:
            ...     os.listdir(mounted.mount_point)
            ['2026.csv']
        """
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return it as an input with a made-up name; see :meth:`DatasetConsumptionConfig.as_mount`."""
        return DatasetConsumptionConfig(_made_up(), self, "mount", path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return it as an input with a made-up name; see :meth:`DatasetConsumptionConfig.as_download`."""
        return DatasetConsumptionConfig(_made_up(), self, "download", path_on_compute)


class MountContext:
    """A folder in which the files of a dataset lie.

    Args:
        dataset: the dataset.
        mount_point: the folder; a new temporary one if None.

    Attributes:
        mount_point: the folder.

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
        """Have the files lie there."""
        from trainshed.data.dataset import lay

        lay(self._dataset._local(), self.mount_point, link=True)

    def stop(self) -> None:
        """Take them away again."""
        import shutil

        if self._own:
            shutil.rmtree(self.mount_point, ignore_errors=True)
            return
        for at, _, names in os.walk(self.mount_point):
            for name in names:
                if os.path.islink(os.path.join(at, name)):
                    os.unlink(os.path.join(at, name))

    def __enter__(self) -> MountContext:  # noqa: PYI034 - Self came with Python 3.11
        """Have the files lie there."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take them away again."""
        self.stop()


class FileFactory:
    """Makes datasets of files: ``Dataset.File``.

    Example:
        >>> Dataset.File.from_files((ds, "weather/*.csv")).to_path()
        ['/2026.csv']
    """

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: Any = None, is_file: bool = False
    ) -> FileDataset:
        """Return a dataset of files.

        Args:
            path: ``(datastore, "folder/*.csv")``, a local path, or a list of them; ``*``, ``**`` and ``?`` as usual.
            validate: something must be there.
            partition_format: accepted and not used.
            is_file: accepted and not used.

        Raises:
            NotFoundException: nothing is there.
        """
        found, workspace = places(path)
        made = FileDataset({"type": "file", "paths": found, "steps": []}, workspace)
        return validated(made, validate)  # type: ignore[no-any-return]

    @staticmethod
    def upload_directory(
        src_dir: str, target: Any, pattern: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Upload a folder and return the dataset of what was uploaded.

        Args:
            src_dir: the folder.
            target: ``(datastore, "folder")`` or a DataPath.
            pattern: only files whose paths match it.
            overwrite: replace files that are there.
            show_progress: print what is done.

        Raises:
            UserErrorException: no such folder.
        """
        if not os.path.isdir(src_dir):
            raise UserErrorException(f"There is no folder '{src_dir}' to upload.")
        found, workspace = places(target)
        if workspace is None:
            raise UserErrorException("The target of an upload must be (datastore, 'folder on it').")
        files = [
            file for file, relative in files_below(src_dir) if pattern is None or fnmatch.fnmatch(relative, pattern)
        ]
        store = workspace.datastores[found[0]["datastore"]]
        store.upload_files(files, src_dir, found[0]["path"], overwrite, show_progress)
        return FileFactory.from_files((store, found[0]["path"]))


def _made_up() -> str:
    return f"input_{os.urandom(4).hex()}"
