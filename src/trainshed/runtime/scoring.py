"""Program of a run that is a web service: keeps its port and its workers.

The workers (:mod:`trainshed.runtime.scoring_server`) answer the requests. One that dies is started again, after ever
longer waits; the others answer meanwhile, and if there are none, requests wait at the port. If the first worker cannot
even start the first time, the run fails: its traceback is then the end of the run's log, and the version of the service
that this run was to replace goes on. Otherwise that version gives its port to this one; see
:mod:`trainshed.runtime.scoring_handover`.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

from trainshed.runtime.run import Run
from trainshed.runtime.scoring_handover import Place, Replaced
from trainshed.runtime.scoring_neighbours import Board

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

STATE = "service_state"
"""Tag of the run: the state of its service."""
PORT = "service_port"
"""Tag of the run: the port at which its service answers, where it was not told."""
_ACCESS = "TRAINSHED_SERVICE_ACCESS"
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
_LONG = 60.0
"""A worker that has lived so many seconds is not one that dies at once."""
_DRAIN_SECONDS = 330.0
"""Longest time that a replaced version goes on with requests that it has accepted."""


class Worker:
    """Keeps one worker of a service.

    Args:
        keeper: of the service.
        number: from 0.
    """

    def __init__(self, keeper: "Keeper", number: int) -> None:
        self._keeper = keeper
        self._number = number
        self._process: "Optional[subprocess.Popen[bytes]]" = None
        self._orders = -1
        self._over = threading.Event()
        self.ready = False

    def start(self) -> int:
        """Start the process, and return 0 when it answers, or else its exit code."""
        said, says = os.pipe()
        heard, orders = os.pipe()
        told = (self._keeper.place.listener.fileno(), says, heard)
        inherited = told + self._keeper.board.descriptors
        command = [sys.executable, "-m", "trainshed.runtime.scoring_server"] + [str(each) for each in told]
        command += self._keeper.arguments
        environ = self._keeper.environ(self._number)
        self._process = subprocess.Popen(command, pass_fds=inherited, stdin=subprocess.DEVNULL, env=environ)
        os.close(says)
        os.close(heard)
        self._orders, before = orders, self._orders
        if before >= 0:
            os.close(before)
        self.ready = bool(os.read(said, 1))
        os.close(said)
        if not self.ready:
            return self._process.wait() or 1
        if self._over.is_set():
            self._order()
        return 0

    def keep(self, code: int) -> None:
        """Keep the process until the service is replaced.

        Args:
            code: what :meth:`start` has returned.
        """
        wait, began = _FIRST_WAIT, time.monotonic()
        while not self._over.is_set():
            if not code and self._process is not None:
                code = self._process.wait()
            self.ready = False
            self._keeper.board.gone(self._number)
            if self._over.is_set():
                return
            if time.monotonic() - began > _LONG:
                wait = _FIRST_WAIT
            self._keeper.tell()
            how = "signal {}".format(-code) if code < 0 else "exit code {}".format(code)
            which = " {}".format(self._number) if self._keeper.several else ""
            said = "The scoring process{} died ({}). It is started again in {:g} s.".format(which, how, wait)
            print(said, flush=True)  # noqa: T201 - the log
            self._over.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            began, code = time.monotonic(), 0
            if not self._over.is_set():
                code = self.start()
                self._keeper.tell()

    def drain(self) -> None:
        """Have the process answer what it has accepted, and end; one that is starting does so once it has started."""
        self._over.set()
        self._order()

    def _order(self) -> None:
        if self._orders >= 0:
            with contextlib.suppress(OSError):  # it has ended
                os.write(self._orders, b"d")

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()


class Keeper:
    """Keeps the workers of a service.

    Args:
        place: where its versions find each other; has the listening socket.
        arguments: of the workers: path of the script, and ids of the models.
        run: the run, whose tag says what state the service is in.
        count: number of workers.
        gpus: GPUs of each worker; 0: they share those that the run sees.
    """

    def __init__(self, place: Place, arguments: "List[str]", run: "Any", count: int, gpus: int = 0) -> None:
        self.place = place
        self.arguments = arguments
        self.several = count > 1
        self._run = run
        self._gpus = gpus
        self.board = Board(count)
        self._lock = threading.Lock()
        self._state = ""
        self._replaced = threading.Event()
        self._workers = [Worker(self, number) for number in range(count)]

    def environ(self, number: int) -> "Dict[str, str]":
        """Return the environment of a worker, with its own share of the GPUs and its place among the workers.

        Args:
            number: of the worker, from 0.
        """
        given = [name for name in os.environ.get(_VISIBLE, "").split(",") if name]
        own = given[number * self._gpus : (number + 1) * self._gpus]
        shown = {_VISIBLE: ",".join(own)} if own else {}
        return {**os.environ, **shown, **self.board.environ(number)}

    def keep(self, port: int) -> int:
        """Keep the workers until another version of the service answers.

        Args:
            port: at which the service is called; 0: that of the listening socket, which a tag tells.

        Returns:
            Exit code of a worker that could not start the first time.
        """
        # The first one alone: it downloads the models for all, and tells whether the script works.
        code = self._workers[0].start()
        if code:
            return code if code > 0 else 1
        try:
            self.place.take_over(self._retire)
        except Replaced:
            self._retire()
        if not port:
            self._run.tag(PORT, str(self.place.listener.getsockname()[1]))
        self.tell()
        threads = [
            threading.Thread(target=self._keep, args=(worker, bool(number)), daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        for thread in threads:
            thread.start()
        self._replaced.wait()
        deadline = time.monotonic() + _DRAIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for worker in self._workers:
            worker.end()
        return 0

    def _keep(self, worker: Worker, new: bool) -> None:
        if new and self._replaced.is_set():
            return
        code = worker.start() if new else 0
        self.tell()
        worker.keep(code)

    def tell(self) -> None:
        """Say in the run's tag whether any worker answers."""
        with self._lock:
            state = "Healthy" if any(worker.ready for worker in self._workers) else "Unhealthy"
            if not self._replaced.is_set() and state != self._state:
                self._state = state
                self._run.tag(STATE, state)

    def _retire(self) -> None:
        with self._lock:
            self._run.tag(STATE, "Replaced")
            self._replaced.set()
        print("Another version of the service answers from now on.", flush=True)  # noqa: T201 - the log
        for worker in self._workers:
            worker.drain()


def main() -> int:
    """Keep a service until its run is ended."""
    script, port, models = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    access = json.loads(os.environ[_ACCESS])
    run = Run.get_context(allow_offline=False)
    try:
        place = Place(access["address"], access.get("generation", 0), port)
        count = int(access.get("workers") or os.environ.get("WORKER_COUNT") or 1)
        return Keeper(place, [script, *models], run, count, int(access.get("gpu_cores") or 0)).keep(port)
    except Replaced:
        print("A later version of the service answers already.", flush=True)  # noqa: T201 - the log
        return 0


if __name__ == "__main__":
    sys.exit(main())
