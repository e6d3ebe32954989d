"""The files of a run: checks and methods that are the same in a job and outside of one."""

import os

from trainshed.runtime import errors


def confined(name: str) -> str:
    """Return ``name``, without a ``./`` in front, if it is a valid name for a file of a run: relative, without ``..``.

    Raises:
        UserErrorException: it is not valid.
    """
    while isinstance(name, str) and name.startswith("./"):
        name = name[2:]
    bad = not isinstance(name, str) or any(part in ("", ".", "..") for part in name.split("/"))
    if bad or "\\" in name or "\0" in name:
        raise errors.UserErrorException(f"Invalid file name {name!r}. Use a relative path such as 'outputs/model.pkl'.")
    return name


def existing(path: object) -> str:
    """Return ``path`` if the file exists.

    Raises:
        UserErrorException: it does not exist.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise errors.UserErrorException(f"There is no file {path!r} to upload.")
    return str(os.fspath(path))


class RunFiles:
    """Methods for a run's files.

    Subclasses implement ``_keep_file``, ``get_file_names`` and ``download_file``.
    """

    def _keep_file(self, name: str, path: "str | None", stream: object) -> bool:
        """Store a file or a stream under a name; return False if the name is taken."""
        raise NotImplementedError

    def get_file_names(self) -> "list[str]":
        """Return the names of the run's files so far, sorted."""
        raise NotImplementedError

    def download_file(self, name: str, output_file_path: "str | None" = None, _validate_checksum: bool = False) -> None:
        """Copy a file of the run."""
        raise NotImplementedError

    @errors.never_raises
    def upload_file(self, name: str, path_or_stream: object, datastore_name: "str | None" = None) -> None:
        """Store a file in the run.

        Args:
            name: relative path in the run, e.g. ``"outputs/model.pkl"``.
            path_or_stream: path of a file, or a binary stream.
            datastore_name: ignored; the service stores the files of runs.

        Raises:
            UserErrorException: the name is taken or invalid, or the file does not exist.
        """
        path = stream = None
        if isinstance(path_or_stream, (str, os.PathLike)):
            path = existing(path_or_stream)
        elif hasattr(path_or_stream, "read"):
            stream = path_or_stream
        else:
            kind = type(path_or_stream).__name__
            raise errors.UserErrorException(f"run.upload_file('{name}', …) takes a path or a stream, not a {kind}.")
        if not self._keep_file(confined(name), path, stream):
            raise errors.UserErrorException(f"The run already has a file '{name}'. Choose another name.")

    @errors.never_raises
    def upload_files(
        self,
        names: "list[str]",
        paths: "list[str]",
        return_artifacts: bool = False,
        timeout_seconds: "int | None" = None,
        datastore_name: "str | None" = None,
    ) -> None:
        """Store several files in the run.

        Args:
            names: relative paths in the run.
            paths: a file for each.
            return_artifacts: ignored.
            timeout_seconds: ignored.
            datastore_name: ignored.

        Raises:
            TypeError: the numbers of names and paths differ.
            UserErrorException: as in :meth:`upload_file`.
        """
        if len(names) != len(paths):
            raise TypeError("upload_files needs as many names as paths.")
        for name, path in zip(names, paths):
            self.upload_file(name, path)

    @errors.never_raises
    def upload_folder(self, name: str, path: str, datastore_name: "str | None" = None) -> None:
        """Store all files of a folder in the run.

        Args:
            name: relative path in the run.
            path: the folder.
            datastore_name: ignored.

        Raises:
            UserErrorException: the folder does not exist, or as in :meth:`upload_file`.
        """
        if not os.path.isdir(path):
            raise errors.UserErrorException(f"There is no folder {path!r} to upload.")
        whole = [os.path.join(folder, file) for folder, _, found in os.walk(path) for file in found]
        for file in sorted(whole):
            self.upload_file(f"{name}/{os.path.relpath(file, path)}".replace(os.sep, "/"), file)

    def download_files(
        self,
        prefix: "str | None" = None,
        output_directory: "str | None" = None,
        output_paths: "list[str] | None" = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: "int | None" = None,
    ) -> None:
        """Copy files of the run.

        Args:
            prefix: only files whose names begin with this.
            output_directory: folder to write to; the current one if None.
            output_paths: a path for each file, in the order of their names, instead of ``output_directory``.
            batch_size: ignored.
            append_prefix: keep the prefix in the local paths.
            timeout_seconds: ignored.

        Raises:
            UserErrorException: the numbers of files and output paths differ.
        """
        found = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        cut = 0 if append_prefix else len(prefix or "")
        local = [os.path.join(output_directory or "", name[cut:].lstrip("/") or name) for name in found]
        if output_paths is not None and len(output_paths) != len(found):
            raise errors.UserErrorException(f"There are {len(found)} files but {len(output_paths)} output_paths.")
        for name, path in zip(found, local if output_paths is None else output_paths):
            self.download_file(name, path)
