"""A run for a script that was started by hand: it prints what it is told, and remembers it."""

import os

from trainshed.runtime import errors, tables, values
from trainshed.runtime.base import BaseRun
from trainshed.runtime.files import confined


class OfflineRun(BaseRun):
    """The current run where there is none."""

    _current: "OfflineRun | None" = None

    def __init__(self) -> None:
        import uuid

        self.id = f"OfflineRun_{uuid.uuid4()}"
        super().__init__("offline")
        self._kept = tables.Tables()
        self._files: "dict[str, str | None]" = {}
        self._ended = ""

    @classmethod
    def current(cls) -> "OfflineRun":
        """Return the offline run of this process."""
        if cls._current is None:
            cls._current = cls()
        return cls._current

    def log(self, name: str, value: object, description: str = "", step: "int | None" = None) -> None:
        """Print one value of a metric, and remember it."""
        value = values.scalar(value, values.metric_name(name))
        values.step_number(step)
        self._kept.take("metric", name, value)
        self._say(f"Attempted to log scalar metric {name}:\n{value}")

    def set_tags(self, tags: "dict[str, object]") -> None:
        """Print tags, and remember them."""
        for key, value in tags.items():
            self._kept.take("tag", str(key), value)
        self._say(f"Attempted to set tags {tags}")

    def _record(self, kind: str, name: str, value: object) -> None:
        self._kept.take(kind, name, value)
        if kind in ("list", "row", "table", "image"):
            self._say(f"Attempted to log {kind} metric {name}:\n{value}")
        elif kind == "tag":
            self._say(f"Attempted to add tag {name} with value {value}")

    def _tables(self, but: bytes = b"\n") -> tables.Tables:
        return self._kept

    def get_tags(self) -> "dict[str, str | None]":
        """Return the tags that were set."""
        return dict(self._kept.tags)

    def get_properties(self) -> "dict[str, str]":
        """Return the properties that were set."""
        return dict(self._kept.properties)

    def _keep_file(self, name: str, path: "str | None", stream: object) -> bool:
        self._files[confined(name)] = None if path is None else os.path.abspath(path)
        self._say(f"Attempted to track file {name} at {stream if path is None else path}")
        return True

    def get_file_names(self) -> "list[str]":
        """Return the names of the files that were uploaded, sorted."""
        return sorted(self._files)

    def download_file(self, name: str, output_file_path: "str | None" = None, _validate_checksum: bool = False) -> None:
        """Copy a file that was uploaded from a path.

        Args:
            name: its name in the run.
            output_file_path: where to; a folder is joined with the file's own name.

        Raises:
            UserErrorException: no such file.
        """
        import shutil

        source = self._files.get(name)
        if not source:
            raise errors.UserErrorException(f"The offline run has no file '{name}'.")
        target = output_file_path or os.path.basename(name)
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(name))
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        shutil.copyfile(source, target)

    def child_run(self, name: "str | None" = None, run_id: "str | None" = None, outputs: object = None) -> "OfflineRun":
        """Return another offline run."""
        return OfflineRun()

    def get_children(self, **_: object) -> "list[object]":
        """Return nothing: offline runs keep no children."""
        return []

    def get_status(self) -> str:
        """Return the run's state."""
        return self._ended or "Running"

    def complete(self, _set_status: bool = True) -> None:
        """Note that the run has ended well."""
        self._ended = "Completed"

    def fail(self, error_details: object = None, error_code: object = None, _set_status: bool = True) -> None:
        """Note that the run has failed."""
        self._ended = "Failed"

    def cancel(self) -> None:
        """Note that the run was canceled."""
        self._ended = "Canceled"

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Note how the block ended, and let an exception through."""
        if kind is None:
            self.complete()
        else:
            self.fail(error)

    def wait_for_completion(self, *_: object, **__: object) -> "dict[str, object]":
        """Return the details at once: there is nothing to wait for."""
        return self.get_details()

    def get_environment(self) -> None:
        """Return None: the script runs in whatever Python it was started with."""

    @staticmethod
    def _say(text: str) -> None:
        print(text)  # noqa: T201 - what an offline run is for
