"""The run of a script that was started by hand: it prints what is logged and remembers it."""

import os

from trainshed.runtime import errors, tables
from trainshed.runtime.base import BaseRun
from trainshed.runtime.files import confined

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from collections.abc import Iterator


class OfflineRun(BaseRun):
    """The current run of a script that was not submitted."""

    _current: "OfflineRun | None" = None

    def __init__(self) -> None:
        import uuid

        self.id = f"OfflineRun_{uuid.uuid4()}"
        super().__init__("offline")
        self._kept = tables.Tables()
        self._files: "dict[str, str | None]" = {}
        self._ended = ""
        self._children: "list[OfflineRun]" = []

    @classmethod
    def current(cls) -> "OfflineRun":
        """Return the offline run of this process."""
        if cls._current is None:
            cls._current = cls()
        return cls._current

    def _scalar(self, name: str, value: object, step: "int | None") -> None:
        self._kept.take("metric", name, value)
        self._say(f"Attempted to log scalar metric {name}:\n{value}")

    @errors.never_raises
    def set_tags(self, tags: "dict[str, object]") -> None:
        """Print tags and remember them."""
        for key, value in tags.items():
            self._kept.take("tag", str(key), value)
        self._say(f"Attempted to set tags {tags}")

    def _record(self, kind: str, name: str, value: object) -> None:
        self._kept.take(kind, name, value)
        if kind in ("list", "row", "table", "image", "artifact"):
            self._say(f"Attempted to log {kind} metric {name}:\n{value}")
        elif kind == "tag":
            self._say(f"Attempted to add tag {name} with value {value}")

    def _tables(self, but: bytes = b"\n") -> tables.Tables:
        return self._kept

    def get_tags(self) -> "dict[str, str | None]":
        """Return the tags."""
        return dict(self._kept.tags)

    def get_properties(self) -> "dict[str, str]":
        """Return the properties."""
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
            output_file_path: destination; a folder is joined with the file's own name.

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
        """Return another offline run, whose parent is this one.

        Args:
            name: display name.
            run_id: its id; None generates one.
            outputs: ignored.
        """
        child = OfflineRun()
        child.id, child.display_name, child.parent = run_id or child.id, name, self
        self._children.append(child)
        return child

    def create_children(
        self, count: "int | None" = None, tag_key: "str | None" = None, tag_values: "list[object] | None" = None
    ) -> "list[OfflineRun]":
        """Return new offline runs.

        Args:
            count: the number of runs; or
            tag_key: a tag that each of them gets, with
            tag_values: its value for each.
        """
        made = [self.child_run() for _ in (range(count or 0) if tag_values is None else tag_values)]
        for child, value in zip(made, tag_values or ()):
            child.tag(str(tag_key), value)
        return made

    def get_children(self, recursive: bool = False, **_: object) -> "Iterator[OfflineRun]":
        """Yield the children, newest first.

        Args:
            recursive: include their children.
        """
        for child in reversed(self._children):
            yield child
            if recursive:
                yield from child.get_children(recursive=True)

    def submit_child(self, config: object, tags: object = None, **_: object) -> None:
        """Raise an exception: an offline run has no service to submit to.

        Raises:
            RunEnvironmentException: always.
        """
        raise errors.RunEnvironmentException(
            "An offline run cannot submit runs. Submit this script itself, or use experiment.submit with a workspace."
        )

    @errors.never_raises
    def register_model(self, model_name: str, model_path: "str | None" = None, **_: object) -> None:
        """Print what would be registered."""
        self._say(f"Attempted to register model {model_name} from {model_path or model_name}")

    @errors.never_raises
    def take_snapshot(self, file_or_folder_path: str) -> None:
        """Print the path of which a snapshot would be taken."""
        self._say(f"Attempted to take a snapshot of {file_or_folder_path}")

    def restore_snapshot(self, snapshot_id: "str | None" = None, path: "str | None" = None) -> None:
        """Return None: an offline run has no snapshot."""

    def get_snapshot_id(self) -> None:
        """Return None: an offline run has no snapshot."""

    def get_secret(self, name: str) -> "str | None":
        """Return None: an offline run has no key vault."""

    def get_secrets(self, secrets: "list[str]") -> "dict[str, str | None]":
        """Return None for each name: an offline run has no key vault."""
        return dict.fromkeys(secrets)

    def get_portal_url(self) -> str:
        """Return an empty string: an offline run has no service."""
        return ""

    def get_docs_url(self) -> str:
        """Return an empty string: an offline run has no service."""
        return ""

    def get_detailed_status(self) -> "dict[str, object]":
        """Return the status in v1's form."""
        return {"status": self.get_status(), "details": ""}

    def get_details_with_logs(self) -> "dict[str, object]":
        """Return the details: an offline run has no logs."""
        return self.get_details()

    def get_all_logs(self, destination: "str | None" = None) -> "list[str]":
        """Return an empty list: an offline run has no logs."""
        return []

    def clean(self) -> None:
        """Do nothing: an offline run has no files of its own."""

    def get_status(self) -> str:
        """Return the run's status."""
        return self._ended or "Running"

    @errors.never_raises
    def complete(self, _set_status: bool = True) -> None:
        """Record that the run has completed."""
        self._ended = "Completed"

    @errors.never_raises
    def fail(self, error_details: object = None, error_code: object = None, _set_status: bool = True) -> None:
        """Record that the run has failed."""
        self._ended = "Failed"

    @errors.never_raises
    def cancel(self) -> None:
        """Record that the run was cancelled."""
        self._ended = "Canceled"

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Record how the block ended; exceptions propagate."""
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
