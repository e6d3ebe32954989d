"""What a script can call on its run, in a job and outside of one."""

import os

from trainshed.runtime import errors, unavailable, values
from trainshed.runtime.files import RunFiles, existing

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Callable

    from trainshed.runtime import tables

_NO_METRICS = b'{"k":"metric",'
_TRIES = 100


class Named:
    """An experiment or workspace of which only the name is known: offline, or without an address of the service.

    Args:
        kind: the class name to show in ``repr`` and errors.
        name: its name.
        more: further attributes.
    """

    def __init__(self, kind: str, name: str, **more: object) -> None:
        self._kind = kind
        self.name = name
        self.__dict__.update(more)

    def __repr__(self) -> str:
        return f"{self._kind}(Name: {self.name})"

    def __getattr__(self, name: str) -> object:
        raise AttributeError(
            f"In a script, only the name of its {self.__dict__.get('_kind', '').lower()} is available, not '{name}'. "
            "Pass what the script needs as an argument: script_params={'--data': datastore.path(…).as_mount()}."
        )


class BaseRun(RunFiles):
    """The part of a run that does not depend on where its records go.

    Subclasses implement ``_scalar``, ``_record``, ``_tables`` and ``_keep_file``.
    """

    id: str
    type = "azureml.scriptrun"
    parent: "object" = None
    number: "int | None" = None
    display_name: "str | None" = None
    description = ""
    strict = False
    """Whether mistakes raise: not in a training script, but in a program that logs to a run from outside."""

    def __init__(self, experiment: str) -> None:
        self._experiment_name = experiment
        self._outside: object = None

    @property
    def experiment(self) -> "object":
        """The experiment with its workspace; only their names if the service cannot be reached."""
        outside = self._seen_from_outside()
        if outside is not None:
            return outside.experiment  # type: ignore[attr-defined]
        workspace = Named("Workspace", os.environ.get("AZUREML_ARM_WORKSPACE_NAME", ""))
        return Named("Experiment", self._experiment_name, workspace=workspace)

    @property
    def input_datasets(self) -> "dict[str, object]":
        """The input datasets by name: the path of a folder or file, or the dataset itself if it was passed directly."""
        return {}

    @property
    def output_datasets(self) -> "dict[str, object]":
        """The output folders by name."""
        return {}

    def _seen_from_outside(self) -> "object":
        """Return this run as the submitting program sees it, or None if that is not possible."""
        return None

    # Implemented by subclasses.

    def _scalar(self, name: str, value: object, step: "int | None") -> None:
        """Record one value of a metric."""
        raise NotImplementedError

    def _record(self, kind: str, name: str, value: object) -> None:
        """Record an event other than one value of a metric."""
        raise NotImplementedError

    def _tables(self, but: bytes = b"\n") -> "tables.Tables":
        """Return what was logged so far; lines that begin with ``but`` may be skipped."""
        raise NotImplementedError

    def get_status(self) -> str:
        """Return the run's status."""
        raise NotImplementedError

    # Metrics.

    @errors.never_raises
    def log(
        self,
        name: str = "",
        value: object = None,
        description: str = "",
        step: "int | None" = None,
        *more: object,
        **unknown: object,
    ) -> None:
        """Log one value of a metric. It takes microseconds, and the value is safe when the call returns.

        Args:
            name: the metric.
            value: a number, string or bool; NumPy scalars and tensors of one element are accepted too.
            description: ignored, as in v1.
            step: a whole number chosen by the script.
            more: not used; further arguments are ignored with a warning.
            unknown: not used, like ``more``.
        """
        label = values.metric_name(name)
        value = values.scalar(value, label)
        number = None
        try:
            number = values.step_number(step)
            for other in (*more, *unknown):
                raise errors.UserErrorException(f"run.log takes name, value, description and step, not {other!r}.")
        except errors.UserErrorException as error:
            if self.strict:
                raise
            errors.warn(f"{error} Metric '{label}' is logged without it.")
        self._scalar(label, value, number)

    @errors.never_raises
    def log_metric(self, name: str, value: object, description: str = "", step: "int | None" = None) -> None:
        """Log one value. Articles of 2018 used this name, but v1 never had it."""
        import logging

        logging.getLogger("trainshed").warning("run.log_metric was never a method of SDK v1; it is treated as run.log.")
        self.log(name, value, description, step)

    @errors.never_raises
    def log_list(self, name: str, value: object, description: str = "") -> None:
        """Log a list of values; an empty one changes nothing."""
        cells = values.scalars(value, values.metric_name(name))
        if cells:
            self._record("list", name, cells)

    @errors.never_raises
    def log_row(self, *name: object, **columns: object) -> None:
        """Log a row of a table: ``run.log_row("name", x=1, y=2)``.

        Args:
            name: the metric, and optionally a description, which is ignored; ``name=`` and ``description=`` also work.
            columns: column → value. A column can be called ``name`` if the metric is given by position.
        """
        metric = name[0] if name else columns.pop("name", None)
        columns.pop("description", None)
        label = values.metric_name(metric)
        self._record("row", label, {key: values.scalar(cell, label) for key, cell in columns.items()})

    @errors.never_raises
    def log_table(self, name: str, value: object, description: str = "") -> None:
        """Log a table.

        Args:
            name: the metric.
            value: column → list of values, or column → value for one row.
            description: ignored.
        """
        self._record("table", values.metric_name(name), values.columns(value, name))

    @errors.never_raises
    def log_image(self, name: str, path: "str | None" = None, plot: object = None, description: str = "") -> None:
        """Log an image: a file, or a matplotlib figure, which is saved as PNG.

        Args:
            name: the metric.
            path: an image file.
            plot: any object with ``savefig``.
            description: ignored.
        """
        if (path is None) == (plot is None):
            raise errors.UserErrorException("run.log_image takes either path= or plot=.")
        suffix = os.path.splitext(existing(path))[1] if path is not None else ".png"
        stream = None if plot is None else _drawn(plot)
        self._keep_artifact("image", name, suffix, path, stream)

    def _keep_artifact(self, kind: str, name: str, suffix: str, path: "str | None", stream: object) -> None:
        """Store a metric's image or chart as a file of the run, and its location as the metric's value."""
        from time import time

        stem, moment = values.metric_name(name).replace("/", "_").replace("\\", "_"), int(time() * 1e6)
        for later in range(_TRIES):  # another process of the run may have taken the name
            kept = f"{stem}_{moment + later}{suffix}"
            if self._keep_file(kept, path, stream):
                self._record(kind, name, f"aml://artifactId/{kept}")
                return

    def _log_chart(self, name: str, value: object) -> None:
        import io
        import json

        try:
            chart = json.loads(value) if isinstance(value, str) else value
            text = json.dumps(chart)
        except (TypeError, ValueError) as error:
            raise errors.UserErrorException(f"Metric '{name}' cannot be converted to JSON: {error}.") from error
        if not isinstance(chart, dict) or not isinstance(chart.get("data"), dict):
            raise errors.UserErrorException(
                f"Metric '{name}' must be a dict (or its JSON) with 'schema_type', 'schema_version' and 'data'."
            )
        self._keep_artifact("artifact", name, ".json", None, io.BytesIO(text.encode()))

    @errors.never_raises
    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Log a confusion matrix: v1's dict, or its JSON, with ``class_labels`` and ``matrix`` in its ``data``."""
        self._log_chart(name, value)

    @errors.never_raises
    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        """Log an accuracy table: v1's dict, or its JSON; see :meth:`log_confusion_matrix`."""
        self._log_chart(name, value)

    @errors.never_raises
    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        """Log residuals: v1's dict, or its JSON, with ``bin_edges`` and ``bin_counts`` in its ``data``."""
        self._log_chart(name, value)

    @errors.never_raises
    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        """Log predictions: v1's dict, or its JSON, with ``bin_averages`` and the like in its ``data``."""
        self._log_chart(name, value)

    def get_metrics(
        self, name: "str | None" = None, recursive: bool = False, run_type: object = None, populate: bool = False
    ) -> "dict[str, object]":
        """Return the metrics that any process of the run has logged so far.

        Args:
            name: only this metric.
            recursive: return them in a dict under the run's id.
            run_type: ignored.
            populate: ignored.

        Returns:
            Name → value: a scalar if it was logged once, a list if more often, a dict of columns for a row or a table.
        """
        found = self._tables().metrics(name if isinstance(name, str) else None)
        return {self.id: found} if recursive else found

    # Tags and properties.

    @errors.never_raises
    def tag(self, key: str, value: object = None) -> None:
        """Set a tag.

        Args:
            key: the name of the tag.
            value: its value, converted to text; None for a tag without a value.
        """
        self._record("tag", *values.label(str(key), value))

    @errors.never_raises
    def set_tags(self, tags: "dict[str, object]") -> None:
        """Set several tags."""
        for key, value in tags.items():
            self.tag(key, value)

    @errors.never_raises
    def remove_tags(self, tags: "list[str]") -> None:
        """Remove tags by name."""
        for key in tags:
            self._record("untag", str(key), None)

    def get_tags(self) -> "dict[str, str | None]":
        """Return the run's tags: those it was submitted with and those its script has set."""
        return self._tables(_NO_METRICS).tags

    @property
    def tags(self) -> "dict[str, str | None]":
        """The run's tags."""
        return self.get_tags()

    @errors.never_raises
    def add_properties(self, properties: "dict[str, object]") -> None:
        """Set properties, which cannot be changed later."""
        there = self.get_properties()
        for key, value in properties.items():
            if there.get(str(key), str(value)) != str(value):
                raise errors.UserErrorException(
                    f"Property '{key}' is already set and cannot be changed. Use a tag instead."
                )
        for key, text in [values.label(str(key), str(value)) for key, value in properties.items()]:
            self._record("property", key, text)

    def get_properties(self) -> "dict[str, str]":
        """Return the run's properties: those it was submitted with and those its script has set."""
        return self._tables(_NO_METRICS).properties

    @property
    def properties(self) -> "dict[str, str]":
        """The run's properties."""
        return self.get_properties()

    # The lifecycle, which the service controls in a submitted run.

    def get_details(self) -> "dict[str, object]":
        """Return what the script can know about its run."""
        return {
            "runId": self.id,
            "status": self.get_status(),
            "properties": self.get_properties(),
            "tags": self.get_tags(),
        }

    @property
    def status(self) -> str:
        """The run's status."""
        return self.get_status()

    @property
    def name(self) -> str:
        """The display name of the run."""
        return self.display_name or self.id

    @property
    def preempted(self) -> bool:
        """Whether the machine will soon be taken from this script, so that it should save its work and stop (ours)."""
        return False

    @errors.never_raises
    def flush(self, timeout_seconds: int = 300) -> None:
        """Do nothing: metrics are safe as soon as they are logged."""

    @errors.never_raises
    def start(self) -> None:
        """Do nothing: a running script has been started already."""

    @errors.never_raises
    def complete(self, _set_status: bool = True) -> None:
        """Do nothing: the script's exit code decides how the run ends, as in v1."""

    @errors.never_raises
    def fail(self, error_details: object = None, error_code: object = None, _set_status: bool = True) -> None:
        """Warn with the given reason; the script's exit code decides how the run ends."""
        errors.warn(
            f"run.fail({error_details or ''!s}) has no effect inside the run. To fail the run, exit with sys.exit(1)."
        )

    @errors.never_raises
    def cancel(self) -> None:
        """Only warn: a script ends by exiting."""
        errors.warn("run.cancel() has no effect inside the run. Exit with sys.exit() instead.")

    def __enter__(self) -> "BaseRun":  # noqa: PYI034 - Self is not in Python 3.8
        """Return the run."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Do nothing; exceptions propagate."""

    def __getattr__(self, name: str) -> "Callable[..., object]":
        if name in unavailable.ASKED:
            outside = self._seen_from_outside()
            if outside is not None:
                return getattr(outside, name)  # type: ignore[no-any-return]
        elif name not in unavailable.METHODS:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

        def refuse(*_: object, **__: object) -> object:
            raise errors.RunEnvironmentException(f"run.{name} {unavailable.METHODS.get(name, unavailable.NOT_HERE)}.")

        return refuse

    def __repr__(self) -> str:
        who = f"Experiment: {self._experiment_name},\nId: {self.id}"
        return f"Run({who},\nType: {self.type},\nStatus: {self.get_status()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BaseRun) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


def _drawn(plot: object) -> object:
    """Return a figure as a stream of PNG data."""
    import io

    stream = io.BytesIO()
    plot.savefig(stream, format="png")  # type: ignore[attr-defined]
    stream.seek(0)
    return stream
