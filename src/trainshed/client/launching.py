"""Start the process of a service, in which nothing is left of who starts it: a program, or the script of a run."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import IO

from trainshed.client.endpoint import log_of
from trainshed.client.remote import SERVICE, TOKEN, TOKEN_FILE
from trainshed.errors import ServiceException
from trainshed.spec.settings import AT_START

_SECONDS = 60.0
_BUSY = 4
_LAST_LINES = 8
SERVES = "TRAINSHED_SERVES"
"""Names the workspace in the environment of its service, which no run's end may end."""
_MARK = "TRAINSHED_RUN_ID"
_OF_RUNS = (
    "TRAINSHED_", "AZUREML_", "AZ_BATCH", "OMPI_", "OPAL_", "PMIX_", "PMI_", "PRTE_", "TORCHELASTIC_",
    "MASTER_", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "CUDA_VISIBLE_DEVICES", "EXAMPLE_ENV_VAR",
    "PYTHONUNBUFFERED",
)  # fmt: skip
"""Beginnings of the names of variables that runs set."""
_OF_KERNELS = frozenset(
    {"MPLBACKEND", "JPY_PARENT_PID", "JPY_SESSION_NAME", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"}
)
"""Variables that Jupyter and its kernels set for themselves."""
_OF_MLFLOW = frozenset({"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"})
"""Variables that tell MLflow where this process logs. Each run has its own."""
_OF_RANKS = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "TF_CONFIG"})


def launch(root: str) -> bool:
    """Start the service of a workspace and wait until it listens.

    Args:
        root: the workspace folder.

    Returns:
        Whether it does. It does not if it was killed, or if another process serves the workspace.

    Raises:
        ServiceException: it cannot start; the message says why.
    """
    ready, tell = os.pipe()
    try:
        with open(os.open(log_of(root), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600), "ab") as log:
            begin = os.fstat(log.fileno()).st_size
            child = _process(root, tell, log)
    except OSError as error:
        os.close(ready)
        raise ServiceException(f"The service of the workspace {root} cannot be started: {error}.") from error
    finally:
        os.close(tell)
    with os.fdopen(ready, "rb") as pipe:
        told = pipe.readline() if select.select([pipe], [], [], _SECONDS)[0] else None
    if told == b"":
        child.wait()  # the process has ended and closed the pipe
    if told or child.returncode == _BUSY or (child.returncode or 0) < 0:
        # It outlives this process by design: avoid the warning about a child that was not waited for.
        child.returncode = 0
        return bool(told)
    if told is None:
        raise ServiceException(f"The service did not start within {_SECONDS:.0f} s; see {log_of(root)}.")
    raise ServiceException(_why(root, begin))


def _process(root: str, tell: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    python = os.environ.get("TRAINSHED_SERVICE_PYTHON") or sys.executable
    return subprocess.Popen(
        [python, "-m", "trainshed.service.main", root, "--ready-fd", str(tell)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=root,
        pass_fds=[tell],
        start_new_session=True,
        env={**_environment(), "PYTHONPATH": _import_path(), SERVES: root},
    )


def _environment() -> dict[str, str]:
    """Return the environment for the service, and so for its runs, without variables that lead to another service.

    In the script of a run it is the one that the run has been started from. Settings for the output of a notebook are
    left out: runs write to a log, and their environments lack the notebook's plotting module.
    """
    environ = _before_the_run() if _MARK in os.environ else os.environ
    left_out = {SERVICE, TOKEN, TOKEN_FILE, SERVES, _MARK, *_OF_MLFLOW}
    if "JPY_PARENT_PID" in environ:
        left_out |= _OF_KERNELS
    return {name: value for name, value in environ.items() if name not in left_out}


def _before_the_run() -> dict[str, str]:
    """Return the environment of the shim, the first process above ours that was started without being of a run."""
    pid = os.getppid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                pairs = (pair.partition("=") for pair in os.fsdecode(file.read()).split("\0"))
                environ = {name: value for name, _, value in pairs if name}
            with open(f"/proc/{pid}/stat", "rb") as file:
                above = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            break
        if environ and _MARK not in environ:
            return environ
        pid = above
    kept = {"TRAINSHED_HOME", *AT_START}
    names = [name for name in os.environ if name in kept or not (name.startswith(_OF_RUNS) or name in _OF_RANKS)]
    return {name: os.environ[name] for name in names}


def _import_path() -> str:
    """Let the service find this package, even if it is not installed but only on the path."""
    if os.environ.get("TRAINSHED_SERVICE_PATH"):
        # Inside a run, only a part of the package is available.
        return os.environ["TRAINSHED_SERVICE_PATH"]
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    theirs = os.environ.get("PYTHONPATH", "")
    return f"{ours}{os.pathsep}{theirs}" if theirs else ours


def _why(root: str, begin: int) -> str:
    with open(log_of(root), "rb") as log:
        log.seek(begin)
        lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    tail = "\n".join(lines[-_LAST_LINES:])
    return f"The service could not start. The end of its log {log_of(root)}:\n{tail}"
