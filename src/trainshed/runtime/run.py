"""The current run, as used by a training script."""

import os
from _thread import get_ident

from trainshed.runtime import errors, unavailable, values
from trainshed.runtime.base import BaseRun
from trainshed.runtime.files import confined
from trainshed.runtime.journal import Journal

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import IO, Any

    from trainshed.runtime import tables

ROOTS = (
    ("outputs/", "code/outputs/"),
    ("logs/", "code/logs/"),
    ("azureml-logs/", "azureml-logs/"),
    ("user_logs/", "user_logs/"),
)
"""Where a file of a run is stored, by the beginning of its name; the service has the same table (``spec.layout``)."""
EVENTS = (("runs/", "code/runs/"), ("lightning_logs/", "code/lightning_logs/"))
"""Where TensorBoard writers put their event files; only the event files in these folders belong to the run."""
_ELSE = "artifacts/"
_CHUNK = 1 << 20


class Run(BaseRun):
    """The run of this script.

    Get it from :meth:`get_context`. What it records is written to the run directory, where the service collects it.

    Args:
        folder: the run directory; or an experiment, which with a run id returns that run as seen from outside.
        run_id: the run's id; by default from the environment.
        experiment: the name of its experiment; by default from the environment.

    Example:
        >>> from trainshed import Run
        >>> run = Run.get_context()
        >>> run.log("accuracy", 0.9)  # outside of a run it is printed
        Attempted to log scalar metric accuracy:
        0.9
    """

    _current: "Run | None" = None
    _told = False
    _listens = False

    def __new__(cls, folder: object, run_id: "str | None" = None, *_: object, **__: object) -> "Run":  # noqa: PYI034
        """Create the current run, or v1's Run(experiment, run_id)."""
        if not isinstance(folder, str):
            return unavailable.whole().get_run(folder, run_id)  # type: ignore[attr-defined,no-any-return]
        return super().__new__(cls)

    def __init__(self, folder: str, run_id: "str | None" = None, experiment: "str | None" = None) -> None:
        self.folder = os.path.abspath(folder)
        self.id = run_id or os.environ.get("TRAINSHED_RUN_ID") or os.path.basename(self.folder)
        number = os.environ.get("TRAINSHED_RUN_NUMBER", "")
        self.number = int(number) if number.isdigit() else None
        super().__init__(os.environ.get("AZUREML_EXPERIMENT_ID", "") if experiment is None else experiment)
        self._uploaded: "set[str]" = set()
        self._path = os.path.join(self.folder, "journal.jsonl")
        self._journal = Journal(self._path)

    @classmethod
    def get_context(
        cls,
        allow_offline: bool = True,
        used_for_context_manager: bool = False,  # noqa: ARG003 - v1's
        **_: object,
    ) -> BaseRun:
        """Return the current run: one object for the whole process, even if its environment variables change.

        Outside a run, ``TRAINSHED_RECORD=EXPERIMENT`` in the environment starts one, which ends with the process.

        Args:
            allow_offline: outside a run, return one that only prints; if False, raise.
            used_for_context_manager: ignored.

        Raises:
            RunEnvironmentException: outside a run with ``allow_offline=False``.

        Example:
            >>> run = Run.get_context()  # outside a run, this one only prints
            >>> Run.get_context(allow_offline=False)
            Traceback (most recent call last):
                ...
            trainshed.errors.RunEnvironmentException: ...
        """
        folder = os.environ.get("TRAINSHED_RUN_DIR")
        if Run._current is not None and (not folder or os.path.abspath(folder) == Run._current.folder):
            return Run._current
        if folder:
            Run._current = Run(folder)
            return Run._current
        from trainshed.runtime import recorded

        if recorded.wanted():
            return recorded.current()  # type: ignore[no-any-return]
        if not allow_offline:
            raise errors.RunEnvironmentException(
                "This script was not started by Trainshed, so there is no current run. "
                "Submit it (experiment.submit, or 'trainshed submit'), or allow an offline run."
            )
        from trainshed.runtime.offline import OfflineRun

        return OfflineRun.current()

    @property
    def preempted(self) -> bool:
        """Whether the machine will soon be taken from this script, so that it should save its work and stop (ours).

        So it is once a cluster has announced the end of the run's job, and once this process has received SIGTERM. From
        the first look on, SIGTERM no longer ends a Python that has no handler of its own for it.

        Example:
            >>> run = Run.get_context()
            >>> for step in range(3):
            ...     if run.preempted:  # save a checkpoint to outputs/, then raise SystemExit("preempted")
            ...         break
            >>> step
            2
        """
        if not self._listens:
            self._listens = True
            self._listen()
        if not self._told and os.path.exists(os.path.join(self.folder, "preempted")):
            self._told = True
            # A script that has been told and ends has ended early, whatever its exit code.
            with open(os.path.join(self.folder, "preempted.seen"), "ab"):
                pass
        return self._told

    def _listen(self) -> None:
        import signal  # takes 2 ms, and only scripts that ask for it need it

        def note(*_: object) -> None:
            self._told = True

        try:
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, note)
        except ValueError:
            pass  # only the main thread may

    @property
    def input_datasets(self) -> "dict[str, object]":
        """The input datasets by name: the path of a folder or file, or the dataset itself if it was passed directly."""
        import json

        told = json.loads(os.environ.get("TRAINSHED_INPUTS", "{}"))
        return {name: facts["path"] or self._dataset(facts) for name, facts in told.items()}

    def _dataset(self, facts: "dict[str, Any]") -> object:
        """Return a dataset. Without a service, only its absolute paths can be read."""
        outside: "Any" = self._seen_from_outside()
        whole: "Any" = unavailable.whole()
        workspace = None if outside is None else outside.experiment.workspace
        return whole.Dataset.of_definition(workspace, facts["definition"], facts["dataset"])

    @property
    def parent(self) -> object:  # type: ignore[override]
        """The run that submitted this one, as seen from outside, or None."""
        outside: "Any" = self._seen_from_outside()
        return None if outside is None else outside.parent

    @property
    def output_datasets(self) -> "dict[str, object]":
        """The output folders by name."""
        import json

        found: "dict[str, object]" = json.loads(os.environ.get("TRAINSHED_OUTPUTS", "{}"))
        return found

    @staticmethod
    def get(workspace: object, run_id: str) -> object:
        """Return another run, as seen from outside.

        Args:
            workspace: its workspace.
            run_id: its id.
        """
        return workspace.get_run(run_id)  # type: ignore[attr-defined]

    def _seen_from_outside(self) -> object:
        # On a machine other than the service's, no folder identifies the workspace, but an address does.
        address, path = os.environ.get("TRAINSHED_SERVICE"), os.environ.get("TRAINSHED_WORKSPACE")
        if self._outside is None and (address or path):
            whole: "Any" = unavailable.whole()
            workspace = whole.Workspace.from_service() if address else whole.Workspace(path=path)
            experiment = whole.Experiment(workspace, self._experiment_name)
            self._outside = whole.ScriptRun(experiment, self.id)
        return self._outside

    @classmethod
    def get_submitted_run(cls, **_: object) -> BaseRun:
        """Return the current run; the method's name in 2018."""
        return cls.get_context(allow_offline=False)

    def log(
        self,
        name: str = "",
        value: object = None,
        description: str = "",
        step: "int | None" = None,
        *more: object,
        **unknown: object,
    ) -> None:
        """Log one value of a metric; see :meth:`BaseRun.log`."""
        easy = type(value) is float and type(name) is str and name and not more and not unknown
        if easy and (step is None or (type(step) is int and 0 <= step < values.MOST_STEPS)):
            try:
                return self._journal.scalar(name, value, step)
            except errors.UserErrorException:
                pass  # the name is too long: said below
        return super().log(name, value, description, step, *more, **unknown)

    def _scalar(self, name: str, value: object, step: "int | None") -> None:
        self._journal.scalar(name, value, step)

    def _record(self, kind: str, name: str, value: object) -> None:
        self._journal.event(kind, name, value)

    def _tables(self, but: bytes = b"\n") -> "tables.Tables":
        from trainshed.runtime import tables  # needed by few scripts

        found = tables.Tables()
        if self.id == os.environ.get("TRAINSHED_RUN_ID"):
            found.tags.update(tables.labels_of("TRAINSHED_TAGS"))
            found.properties.update(tables.labels_of("TRAINSHED_PROPERTIES"))  # type: ignore[arg-type]
        return tables.read(self._path, found, but)

    def _keep_file(self, name: str, path: "str | None", stream: object) -> bool:
        target = os.path.join(self.folder, place_of(confined(name)))
        if path is not None and _same(path, target):
            # Many scripts upload ./outputs/model.pkl as outputs/model.pkl; it is already in place.
            if name in self._uploaded:
                return False
        elif os.path.lexists(target):
            return False
        else:
            try:
                self._copy(path, stream, target)
            except FileExistsError:  # another process of the run was first
                return False
            except OSError as error:
                errors.warn(f"'{name}' could not be uploaded ({error}); training continues.")
                return True
        self._uploaded.add(name)
        self._record("file", name, None)
        return True

    def _copy(self, path: "str | None", stream: object, target: str) -> None:
        """Rename a copy to its final name once it is complete.

        Raises:
            FileExistsError: the name is taken.
        """
        from time import time

        os.makedirs(os.path.dirname(target), exist_ok=True)
        part = os.path.join(self.folder, f".upload-{os.getpid()}-{get_ident()}-{time():.6f}")
        try:
            with open(part, "xb") as copy, open(path, "rb") if path is not None else _Borrowed(stream) as source:
                _pour(source, copy)
            _give_name(part, target)
        finally:
            _forget(part)

    def get_file_names(self) -> "list[str]":
        """Return the names of the run's files so far, sorted."""
        found = []
        for prefix, folder in (*ROOTS, ("", _ELSE)):
            root = os.path.join(self.folder, folder)
            for at, _, files in os.walk(root):
                found += [prefix + os.path.relpath(os.path.join(at, file), root).replace(os.sep, "/") for file in files]
        return sorted(found)

    def download_file(self, name: str, output_file_path: "str | None" = None, _validate_checksum: bool = False) -> None:
        """Copy a file of the run.

        Args:
            name: as returned by :meth:`get_file_names`.
            output_file_path: destination; a folder is joined with the file's own name.

        Raises:
            UserErrorException: no such file.
        """
        import shutil

        source = os.path.join(self.folder, place_of(confined(name)))
        if not os.path.isfile(source):
            raise errors.UserErrorException(f"The run has no file '{name}' (yet).")
        target = output_file_path or os.path.basename(name)
        if os.path.isdir(target) or target.endswith("/"):
            target = os.path.join(target, os.path.basename(name))
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        if not _same(source, target):
            shutil.copyfile(source, target)

    def get_status(self) -> str:
        """Return "Running", since the script that asks is running."""
        return "Running"


class _Borrowed:
    """A context manager that leaves the script's own stream open."""

    def __init__(self, stream: object) -> None:
        self._stream: "IO[bytes]" = stream  # type: ignore[assignment]

    def __enter__(self) -> "IO[bytes]":
        return self._stream

    def __exit__(self, *_: object) -> None:
        pass


def place_of(name: str) -> str:
    """Return the path of a file in the run directory.

    Args:
        name: as returned by :meth:`Run.get_file_names`.
    """
    for prefix, folder in (*ROOTS, *EVENTS) if ".tfevents." in name.rpartition("/")[2] else ROOTS:
        if name.startswith(prefix):
            return folder + name[len(prefix) :]
    return _ELSE + name


def _pour(source: "IO[bytes]", copy: "IO[bytes]") -> None:
    while True:
        chunk = source.read(_CHUNK)
        if not chunk:
            return
        copy.write(chunk.encode() if isinstance(chunk, str) else chunk)


def _give_name(part: str, target: str) -> None:
    """Give a file its final name if the name is free.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(part, target)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # it was renamed, or never created


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
