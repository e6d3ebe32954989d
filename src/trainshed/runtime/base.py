"""What a run can be told, in a job and outside of one."""

import os

from trainshed.runtime import values


def confined(name: str) -> str:
    """Return ``name`` if it can name a file of a run: relative, with no ``.`` or ``..``.

    Raises:
        UserErrorException: otherwise.
    """
    if not isinstance(name, str) or any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name:
        raise values.UserErrorException(f"File name {name!r}: give a relative path such as 'outputs/model.pkl'.")
    return name


class BaseRun:
    """The part of a run that does not depend on where its records go.

    Subclasses say where: ``log``, ``_record``, ``_keep_file``.
    """

    id: str
    type = "azureml.scriptrun"
    parent = None
    number = None
    display_name = None
    description = ""

    def __init__(self) -> None:
        self._tags: "dict[str, str | None]" = {}
        self._properties: "dict[str, str]" = {}
        self.input_datasets: "dict[str, object]" = {}
        self.output_datasets: "dict[str, object]" = {}

    # What subclasses do in their own way.

    def log(self, name: str, value: object, description: str = "", step: "int | None" = None) -> None:
        """Log one value of a metric."""
        raise NotImplementedError

    def _record(self, kind: str, name: str, value: object) -> None:
        raise NotImplementedError

    def _keep_file(self, name: str, path: "str | None", stream: object) -> None:
        raise NotImplementedError

    def get_status(self) -> str:
        """Return the run's state."""
        raise NotImplementedError

    # Metrics.

    def log_list(self, name: str, value: object, description: str = "") -> None:
        """Log a list of values; an empty one changes nothing.

        Args:
            name: the metric.
            value: numbers, strings or bools.
            description: ignored.
        """
        cells = values.scalars(value, values.metric_name(name))
        if cells:
            self._record("list", name, cells)

    def log_row(self, name: str, description: "str | None" = None, **columns: object) -> None:
        """Log a row of a table.

        Args:
            name: the metric.
            description: ignored.
            columns: column → value.
        """
        self._record("row", values.metric_name(name), {key: values.scalar(cell, name) for key, cell in columns.items()})

    def log_table(self, name: str, value: object, description: str = "") -> None:
        """Log a table.

        Args:
            name: the metric.
            value: column → list of values, or column → value for one row.
            description: ignored.
        """
        self._record("table", values.metric_name(name), values.columns(value, name))

    def log_image(self, name: str, path: "str | None" = None, plot: object = None, description: str = "") -> None:
        """Log an image: a file, or a matplotlib figure, which is saved as PNG.

        Args:
            name: the metric.
            path: image file.
            plot: anything with ``savefig``.
            description: ignored.

        Raises:
            UserErrorException: both or neither of path and plot.
        """
        if (path is None) == (plot is None):
            raise values.UserErrorException("run.log_image takes either path= or plot=.")
        import io
        from time import time

        suffix = os.path.splitext(path)[1] if path else ".png"
        kept = f"{values.metric_name(name).replace('/', '_')}_{int(time() * 1e6)}{suffix}"
        stream = None
        if plot is not None:
            stream = io.BytesIO()
            plot.savefig(stream, format="png")  # type: ignore[attr-defined]
            stream.seek(0)
        self._keep_file(kept, path, stream)
        self._record("image", name, f"aml://artifactId/{kept}")

    # Labels.

    def tag(self, key: str, value: object = None) -> None:
        """Set a tag.

        Args:
            key: its name.
            value: its value, as text; None for a tag without one.
        """
        self._tags[str(key)] = None if value is None else str(value)
        self._record("tag", str(key), self._tags[str(key)])

    def set_tags(self, tags: "dict[str, object]") -> None:
        """Set several tags."""
        for key, value in tags.items():
            self.tag(key, value)

    def remove_tags(self, tags: "list[str]") -> None:
        """Remove tags by name."""
        for key in tags:
            self._tags.pop(key, None)
            self._record("untag", key, None)

    def get_tags(self) -> "dict[str, str | None]":
        """Return the tags that this script has set."""
        return dict(self._tags)

    @property
    def tags(self) -> "dict[str, str | None]":
        """The tags that this script has set."""
        return self.get_tags()

    def add_properties(self, properties: "dict[str, object]") -> None:
        """Set properties, which cannot be changed later.

        Raises:
            UserErrorException: one is there with another value.
        """
        for key, value in properties.items():
            if self._properties.get(key, str(value)) != str(value):
                raise values.UserErrorException(f"Property '{key}' is set and cannot be changed; use a tag.")
            self._properties[key] = str(value)
            self._record("property", key, str(value))

    def get_properties(self) -> "dict[str, str]":
        """Return the properties that this script has set."""
        return dict(self._properties)

    @property
    def properties(self) -> "dict[str, str]":
        """The properties that this script has set."""
        return self.get_properties()

    # Files.

    def upload_file(self, name: str, path_or_stream: object, datastore_name: "str | None" = None) -> None:
        """Keep a file with the run under a name.

        Args:
            name: relative path in the run, e.g. ``"outputs/model.pkl"``.
            path_or_stream: path of a file, or a binary stream.
            datastore_name: ignored: files of runs are kept by the service.

        Raises:
            UserErrorException: the name is taken or cannot be used, or there is no such file.
        """
        if isinstance(path_or_stream, (str, os.PathLike)):
            path = os.fspath(path_or_stream)
            if not os.path.isfile(path):
                raise values.UserErrorException(f"There is no file {path!r} to upload.")
            self._keep_file(confined(name), str(path), None)
        else:
            self._keep_file(confined(name), None, path_or_stream)

    def upload_files(self, names: "list[str]", paths: "list[str]", **_: object) -> None:
        """Keep several files.

        Raises:
            TypeError: not as many names as paths.
        """
        if len(names) != len(paths):
            raise TypeError("upload_files takes as many names as paths.")
        for name, path in zip(names, paths):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str, datastore_name: "str | None" = None) -> None:
        """Keep all files of a folder below a name."""
        for folder, _, found in os.walk(path):
            for file in found:
                whole = os.path.join(folder, file)
                self.upload_file(f"{name}/{os.path.relpath(whole, path)}".replace(os.sep, "/"), whole)

    # The run's own course, which is the service's to decide in a submitted run.

    def get_details(self) -> "dict[str, object]":
        """Return what the script can know of its run."""
        return {
            "runId": self.id,
            "status": self.get_status(),
            "properties": self.get_properties(),
            "tags": self.get_tags(),
        }

    @property
    def status(self) -> str:
        """The run's state."""
        return self.get_status()

    @property
    def name(self) -> str:
        """The name shown for the run."""
        return self.display_name or self.id

    def flush(self, timeout_seconds: int = 300) -> None:
        """Return when all metrics are safe: they are, as soon as they are logged."""

    def start(self) -> None:
        """Do nothing: a script that runs has been started."""

    def complete(self, _set_status: bool = True) -> None:
        """Leave the end to the script's exit code, as v1 did in a submitted run."""

    def fail(self, error_details: object = None, error_code: object = None, _set_status: bool = True) -> None:
        """Note why; the end is left to the script's exit code."""
        import sys

        sys.stderr.write(f"Run.fail: {error_details or ''} {error_code or ''}\n")

    def cancel(self) -> None:
        """Only warn: a script ends itself by leaving."""
        import sys

        sys.stderr.write("run.cancel() inside of the run does nothing; leave with sys.exit() instead.\n")

    def __enter__(self) -> "BaseRun":  # noqa: PYI034 - Self is not in Python 3.8
        """Return the run."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Let an exception through."""

    def __repr__(self) -> str:
        experiment = getattr(getattr(self, "experiment", None), "name", "")
        return f"Run(Experiment: {experiment},\nId: {self.id},\nType: {self.type},\nStatus: {self.get_status()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseRun) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)
