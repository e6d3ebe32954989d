"""Program of a run that is a web service: keeps its port and its worker.

The worker (:mod:`trainshed.runtime.scoring_server`) answers the requests. If it dies, it is started again, after ever
longer waits; requests that come meanwhile wait at the port. If it cannot even start the first time, the run fails: its
traceback is then the end of the run's log.
"""

import os
import socket
import subprocess
import sys
import time

from trainshed.runtime.run import Run

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, List

STATE = "service_state"
"""Tag of the run: the state of its service."""
_HERE = "127.0.0.1"
_PORT_SECONDS = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
_LONG = 60.0
"""A worker that has lived so many seconds is not one that dies at once."""


def _listen(port: int) -> socket.socket:
    """Return the listening socket; a service that this one replaces may need a moment to give the port up."""
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HERE, port))
            listener.listen(512)
            return listener
        except OSError as error:
            listener.close()
            if time.monotonic() > deadline:
                raise SystemExit(
                    "Port {} is used by another program ({}). Deploy the service with another port.".format(port, error)
                ) from error
            time.sleep(0.05)


class Keeper:
    """Keeps the worker of a service.

    Args:
        listener: the listening socket.
        arguments: of the worker: path of the script, and ids of the models.
        run: the run, whose tag says what state the service is in.
    """

    def __init__(self, listener: socket.socket, arguments: "List[str]", run: "Any") -> None:
        self._listener = listener
        self._arguments = arguments
        self._run = run
        self._wait = _FIRST_WAIT

    def keep(self) -> int:
        """Keep the worker.

        Returns:
            Exit code of a worker that could not start the first time.
        """
        code, began = self._work(), time.monotonic()
        if not self._was_ready:
            return code if code > 0 else 1
        while True:
            if time.monotonic() - began > _LONG:
                self._wait = _FIRST_WAIT
            self._run.tag(STATE, "Unhealthy")
            how = "signal {}".format(-code) if code < 0 else "exit code {}".format(code)
            print("The scoring process died ({}). It is started again in {:g} s.".format(how, self._wait), flush=True)  # noqa: T201 - the log
            time.sleep(self._wait)
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
            began = time.monotonic()
            code = self._work()

    def _work(self) -> int:
        """Start a worker, say when it answers, and return its exit code when it has ended."""
        said, says = os.pipe()
        inherited = (self._listener.fileno(), says)
        command = [sys.executable, "-m", "trainshed.runtime.scoring_server"] + [str(each) for each in inherited]
        worker = subprocess.Popen(command + self._arguments, pass_fds=inherited, stdin=subprocess.DEVNULL)
        os.close(says)
        self._was_ready = bool(os.read(said, 1))
        os.close(said)
        if self._was_ready:
            self._run.tag(STATE, "Healthy")
        return worker.wait()


def main() -> int:
    """Keep a service until its run is ended."""
    script, port, models = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    run = Run.get_context(allow_offline=False)
    return Keeper(_listen(port), [script, *models], run).keep()


if __name__ == "__main__":
    sys.exit(main())
