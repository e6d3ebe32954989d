"""Where MLflow finds the run in a job: an address on the node's loopback, behind which a server is started when needed.

A job that does not use MLflow pays for one listening socket and no process.
"""

from __future__ import annotations

import _socket
import os
import sys

from trainshed.spec import layout
from trainshed.system import confined, process, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

URI = "MLFLOW_TRACKING_URI"
_KEY = "MLFLOW_TRACKING_TOKEN"
_LISTENER = 3  # as runtime/mlflow_server.py has it
_BACKLOG = 128


class MlflowDoor:
    """The address of one run for MLflow's clients.

    Args:
        run_id: the run.
        experiment: its experiment.
        run_dir: the run directory; what goes wrong in the server is told in its log of the shim.

    Attributes:
        variables: environment variables for the processes of the run.
    """

    def __init__(self, run_id: str, experiment: str, run_dir: str) -> None:
        self._listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(_BACKLOG)
        self._run_dir = run_dir
        self._pid = self._held = 0
        token = os.urandom(16).hex()
        self.variables = {
            URI: f"http://127.0.0.1:{self._listener.getsockname()[1]}",
            _KEY: token,
            "MLFLOW_RUN_ID": run_id,
            "MLFLOW_EXPERIMENT_ID": experiment,
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # no page is there
        }

    def fileno(self) -> int:
        """Return the descriptor that is readable once a client has called."""
        return self._listener.fileno()

    def answer(self, environ: Mapping[str, str]) -> None:
        """Start the server, which alone has the socket from then on, and ends when this process does.

        Without it, clients are refused and need not wait for a time-out.

        Args:
            environ: its environment variables.

        Raises:
            OSError: no more processes, descriptors or memory.
        """
        read, self._held = os.pipe()
        log = confined.open_to_append(self._run_dir, layout.SHIM_LOG)
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "trainshed.runtime.mlflow_server"],
                {**environ, **self.variables},
                file_actions=[
                    # First what may be number 3 itself.
                    (os.POSIX_SPAWN_DUP2, read, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                    (os.POSIX_SPAWN_DUP2, self._listener.fileno(), _LISTENER),
                ],
                setsigdef=[signals.SIGHUP, signals.SIGINT, signals.SIGTERM, signals.SIGCHLD, signals.SIGPIPE],
                setsigmask=[],
            )
        finally:
            os.close(read)
            os.close(log)
            self._listener.close()

    def close(self) -> int:
        """End the server: what it has answered is written.

        Returns:
            Its pid, which is still to be collected; 0 if there is none.
        """
        pid, self._pid = self._pid, 0
        self._listener.close()  # if nobody has called
        if pid:
            os.close(self._held)
            os.kill(pid, signals.SIGKILL)
        return pid


def is_ours(environ: Mapping[str, str]) -> bool:
    """Tell whether MLflow's clients have been given the address of a door, and not one of the user's own.

    Args:
        environ: environment variables of a process of the run.
    """
    return bool(environ.get(_KEY)) and environ.get("MLFLOW_RUN_ID") == environ.get("TRAINSHED_RUN_ID")


class DoorApart(MlflowDoor):
    """The address for processes of a run that do not reach the loopback of its shim.

    Args:
        environ: their environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        run_id = environ["TRAINSHED_RUN_ID"]
        super().__init__(run_id, environ.get("AZUREML_EXPERIMENT_ID", ""), environ["TRAINSHED_RUN_DIR"])
        folders = environ.get("PYTHONPATH", "").split(os.pathsep)
        runtime = [each for each in folders if os.path.exists(os.path.join(each, "trainshed", "runtime", "run.py"))]
        self._environ = {**environ, "PYTHONPATH": runtime[0] if runtime else "", process.SERVES: run_id}

    def serve(self) -> None:
        """Start the server; if that is impossible, clients are refused."""
        try:
            self.answer(self._environ)
        except OSError as error:
            sys.stderr.write(f"MLflow cannot log to this run: {error}.\n")
