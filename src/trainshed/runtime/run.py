"""The current run, as a training script holds it."""

import os

from trainshed.runtime import values
from trainshed.runtime.base import BaseRun, confined
from trainshed.runtime.journal import Journal

_ROOTS = (("outputs", "code/outputs"), ("logs", "code/logs"), ("azureml-logs", "azureml-logs"), ("", "artifacts"))


class _Named:
    """An experiment or workspace by name: what a script may ask of them inside a job."""

    def __init__(self, name: str, **more: object) -> None:
        self.name = name
        self.__dict__.update(more)

    def __repr__(self) -> str:
        return self.name


class Run(BaseRun):
    """The run that this script is.

    Made by :meth:`get_context`; everything it is told goes into the run directory and from there to the service.

    Example:
        >>> from trainshed import Run
        >>> run = Run.get_context()  # doctest: +SKIP
        >>> run.log("accuracy", 0.9)  # doctest: +SKIP
    """

    _current: "Run | None" = None

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.id = os.environ.get("TRAINSHED_RUN_ID") or os.path.basename(folder)
        super().__init__()
        workspace = _Named(os.environ.get("AZUREML_ARM_WORKSPACE_NAME", ""))
        self.experiment = _Named(os.environ.get("AZUREML_EXPERIMENT_ID", ""), workspace=workspace)
        self._journal = Journal(os.path.join(folder, "journal.jsonl"))

    @classmethod
    def get_context(cls, allow_offline: bool = True, **_: object) -> BaseRun:
        """Return the current run.

        Args:
            allow_offline: outside of a run, return one that only prints; otherwise raise.

        Raises:
            RunEnvironmentException: outside of a run with ``allow_offline=False``.
        """
        folder = os.environ.get("TRAINSHED_RUN_DIR")
        if not folder:
            if not allow_offline:
                raise values.RunEnvironmentException(
                    "This script was not started by Trainshed, so there is no current run. "
                    "Submit it (experiment.submit, or 'trainshed submit'), or allow an offline run."
                )
            from trainshed.runtime.offline import OfflineRun

            return OfflineRun.current()
        if Run._current is None or Run._current.folder != folder:
            Run._current = Run(folder)
        return Run._current

    @classmethod
    def get_submitted_run(cls, **_: object) -> BaseRun:
        """Return the current run; the name of 2018."""
        return cls.get_context(allow_offline=False)

    def log(self, name: str, value: object, description: str = "", step: "int | None" = None) -> None:
        """Log one value of a metric; it is on its way when this returns, in microseconds.

        Args:
            name: the metric.
            value: a number, string or bool; NumPy scalars and tensors of one element count as such.
            description: ignored, as v1 did.
            step: a position chosen by the script.

        Raises:
            UserErrorException: a list, or no name.
        """
        if type(value) is not float or type(name) is not str or not name:
            name, value = values.metric_name(name), values.scalar(value, name)
        self._journal.scalar(name, value, step if step is None else int(step))

    def _record(self, kind: str, name: str, value: object) -> None:
        self._journal.event(kind, name, value)

    def _keep_file(self, name: str, path: "str | None", stream: object) -> None:
        confined(name)
        import shutil

        target = os.path.join(self.folder, _place(name))
        if os.path.lexists(target):
            raise values.UserErrorException(f"The run has a file '{name}' already; choose another name.")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if path is not None:
            shutil.copyfile(path, target + ".part")
        else:
            with open(target + ".part", "wb") as file:
                shutil.copyfileobj(stream, file)  # type: ignore[arg-type,type-var,unused-ignore]
        os.replace(target + ".part", target)
        self._record("file", name, None)

    def get_file_names(self) -> "list[str]":
        """Return the names of the run's files so far, sorted."""
        names = []
        for prefix, folder in _ROOTS:
            root = os.path.join(self.folder, folder)
            for at, _, found in os.walk(root):
                below = os.path.relpath(at, root)
                names += [os.path.normpath(os.path.join(prefix, below, name)) for name in found]
        return sorted(names)

    def download_file(self, name: str, output_file_path: "str | None" = None, **_: object) -> None:
        """Copy a file of the run.

        Args:
            name: as :meth:`get_file_names` gives it.
            output_file_path: where to; a folder is joined with the file's own name.
        """
        confined(name)
        import shutil

        target = output_file_path or os.path.basename(name)
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(name))
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        try:
            shutil.copyfile(os.path.join(self.folder, _place(name)), target)
        except FileNotFoundError:
            raise values.UserErrorException(f"The run has no file '{name}' (yet).") from None

    def get_status(self) -> str:
        """Return the run's state: it runs, or this could not be asked."""
        return "Running"


def _place(name: str) -> str:
    """Return where a file lies in the run directory."""
    first, _, rest = name.partition("/")
    folder = dict(_ROOTS).get(first) if rest else None
    return f"{folder}/{rest}" if folder else f"artifacts/{name}"
