"""Runs that come together and are alike go into Slurm's queue as one array: one sbatch, and one record in its queue."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from trainshed.errors import InternalException, TrainshedError, UserErrorException
from trainshed.targets.slurm_commands import SlurmCommands, Waiting

_FEWEST = 5
"""Runs that are worth an array: of fewer, each job has the name of its run."""
_GATHER_SECONDS = 2.0
"""How long an array waits for runs that are about to be given."""
_PAUSE = 0.005
_MOST_AT_ONCE = 16
_AT = "@"
"""In a native id, between the job and the name of the array to which it belongs."""


Group = list[tuple[Waiting, Future[str]]]


def job_id(native_id: str) -> str:
    """Return a job as Slurm writes it.

    Example:
        >>> job_id("4711"), job_id("4711_17@trainshed.ab12cd")
        ('4711', '4711_17')
    """
    return native_id.partition(_AT)[0]


def job_name(native_id: str, token: str) -> str:
    """Return the name that a job has in Slurm: that of its array, else that of the submit."""
    return native_id.partition(_AT)[2] or token


def native_id_of(job: str, note: str) -> str:
    """Return what a job is called in the history.

    Args:
        job: as Slurm writes it.
        note: what the run directory says of its array: name and index.
    """
    return f"{job}{_AT}{note.split(maxsplit=1)[0]}" if "_" in job and note else job


class Arrays:
    """Gathers runs that are on their way into the queue.

    Those that are given while others are being submitted wait for them, and then go together.

    Args:
        commands: the cluster.
        variable: environment variable of a job with its id.

    Attributes:
        coming: returns how many runs have been given to the engine or are about to be.
    """

    def __init__(self, commands: SlurmCommands, variable: str) -> None:
        self._commands = commands
        self._variable = variable
        self.coming: Callable[[], int] = lambda: 0
        self._changed = threading.Condition()
        self._waiting: Group = []
        self._given = self._alone = 0
        self._some_at_once = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._at_work = False

    @contextlib.contextmanager
    def given(self) -> Iterator[None]:
        """Count a run as given, until it has been taken care of."""
        with self._changed:
            self._given += 1
        try:
            yield
        finally:
            with self._changed:
                self._given -= 1

    def submit(self, run: Waiting) -> str:
        """Put a run that was given into Slurm's queue, in an array if enough others like it come at the same time.

        Args:
            run: its run directory is laid out.

        Returns:
            Its native id.

        Raises:
            UserErrorException: Slurm refuses it.
        """
        told: Future[str] = Future()
        with self._changed:
            self._waiting.append((run, told))
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._work, name="arrays", daemon=True).start()
        native_id = told.result()
        if native_id:
            return native_id
        try:
            with self._some_at_once:
                return self._commands.submit(run)
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()

    def _work(self) -> None:
        while gathered := self._gathered():
            alike: dict[object, Group] = {}
            for run, told in gathered:
                alike.setdefault(self._commands.shape(run), []).append((run, told))
            for group in alike.values():
                self._guarded(group)

    def _gathered(self) -> Group:
        """Return the runs to be submitted now; nothing if there are none, and this thread ends."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            until = time.monotonic() + _GATHER_SECONDS
            while self._waiting and self._given < self.coming() and time.monotonic() < until:
                self._changed.wait(_PAUSE)
            gathered, self._waiting = self._waiting, []
            self._at_work = bool(gathered)
            return gathered

    def _guarded(self, group: Group) -> None:
        error: TrainshedError = InternalException("The array of the run was not submitted.")
        try:
            self._send(group)
        except TrainshedError as raised:
            error = raised
        finally:
            for _, told in group:
                if not told.done():
                    told.set_exception(type(error)(error.message))

    def _send(self, group: Group) -> None:
        """Submit runs as arrays; those that are told ``""`` go alone."""
        most = self._commands.largest_array() if len(group) >= _FEWEST else 0
        for start in range(0, len(group), most or len(group)):
            some = group[start : start + most] if most else group
            name = f"trainshed.{secrets.token_hex(4)}"
            made = self._made(name, some) if most and len(some) >= _FEWEST else ""
            with self._changed:
                self._alone += 0 if made else len(some)
            for index, (_, told) in enumerate(some):
                told.set_result(f"{made}_{index}{_AT}{name}" if made else "")

    def _made(self, name: str, group: Group) -> str:
        try:
            return self._commands.submit_array(name, [run for run, _ in group], self._variable)
        except UserErrorException:
            return ""  # each of them is told by itself
