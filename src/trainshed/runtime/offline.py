"""A run for a script that was started by hand: it prints what it is told, and remembers it."""

import os

from trainshed.runtime import values
from trainshed.runtime.base import BaseRun


class _Offline:
    name = "offline"
    workspace = None


class OfflineRun(BaseRun):
    """The current run where there is none."""

    _current: "OfflineRun | None" = None

    def __init__(self) -> None:
        import uuid

        self.id = f"OfflineRun_{uuid.uuid4()}"
        super().__init__()
        self.experiment = _Offline()
        self._metrics: "dict[str, list[object]]" = {}
        self._files: "dict[str, str]" = {}
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
        self._metrics.setdefault(name, []).append(value)
        self._say(f"Attempted to log scalar metric {name}:\n{value}")

    def _record(self, kind: str, name: str, value: object) -> None:
        if kind in ("list", "row", "table", "image"):
            self._metrics.setdefault(name, []).extend(value if isinstance(value, list) else [value])
            self._say(f"Attempted to log {kind} metric {name}:\n{value}")
        elif kind == "tag":
            self._say(f"Attempted to add tag {name} with value {value}")

    def _keep_file(self, name: str, path: "str | None", stream: object) -> None:
        self._files[name] = path or ""
        self._say(f"Attempted to track file {name} at {path if path else stream}")

    def get_metrics(self, name: "str | None" = None, **_: object) -> "dict[str, object]":
        """Return what was logged so far, in v1's shapes."""
        found = {key: kept for key, kept in self._metrics.items() if name in (None, key)}
        return {key: kept[0] if len(kept) == 1 else list(kept) for key, kept in found.items()}

    def get_file_names(self) -> "list[str]":
        """Return the names of the files that were uploaded, sorted."""
        return sorted(self._files)

    def download_file(self, name: str, output_file_path: "str | None" = None, **_: object) -> None:
        """Copy a file that was uploaded from a path.

        Raises:
            UserErrorException: no such file.
        """
        import shutil

        if not self._files.get(name):
            raise values.UserErrorException(f"The offline run has no file '{name}'.")
        shutil.copyfile(self._files[name], output_file_path or os.path.basename(name))

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

    def wait_for_completion(self, *_: object, **__: object) -> "dict[str, object]":
        """Return the details at once: there is nothing to wait for."""
        return self.get_details()

    def get_environment(self) -> None:
        """Return None: the script runs in whatever Python it was started with."""

    @staticmethod
    def _say(text: str) -> None:
        print(text)  # noqa: T201 - what an offline run is for
