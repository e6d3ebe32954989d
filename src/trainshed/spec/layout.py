"""Names of the files and folders in a run directory, which is the interface between a node and the service."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Tuple

SPEC = "spec.json"
SHIM = "shim.json"
PHASES = "phases.jsonl"
CANCEL = "cancel"
ACCEPTED = "accepted"
SLURM_ARRAY = "slurm_array"
"""Name of the array whose task a run on Slurm is, and its index; there before the array is submitted."""
"""The job of a batch system that may start the run."""
NOTICE = "preempted"
"""Exists once a batch system has said that it will soon end the run's job; it contains the cause."""
NOTICE_SEEN = "preempted.seen"
"""Exists if a process of the run has taken note of that."""
ATTEMPTS = "attempts"
"""What earlier attempts of a run whose job was requeued have recorded: ``attempts/<number>``."""
EXIT = "exit.json"
EXIT_ROOM = "exit.room"
"""Allocated space for ``exit.json``, which it becomes; at its end a note of how the script ended."""
EXIT_ROOM_BYTES = 1 << 15
EXIT_NOTE_AT = EXIT_ROOM_BYTES - (1 << 12)
CONTAINER = "container.json"
"""Engine and names of a run's containers, so that they can be removed if the shim is killed."""
CONTAINER_INIT = "container_init.order"
"""Instructions for the init process of a container. The same name with ``.end`` contains its exit status."""
REGISTRY_SECRET = "registry.secret"  # noqa: S105 - the name of a file
"""Registry password, sent by the service to the shim, which deletes the file when it starts."""
SPEC_SECRET = "spec.secret"  # noqa: S105 - the name of a file
"""The request with its secrets, if it has any: ``spec.json`` has ``***`` in their places. Deleted like the password."""
SERVICE_TOKEN = "service.token"  # noqa: S105 - the name of a file
"""Access token for the service's API, for scripts on other machines."""
SHIM_LOG = "shim.log"
"""Error output of the shim."""
JOURNAL = "journal.jsonl"
CODE = "code"
DATA = "data"
ARTIFACTS = "artifacts"
OUTBOX = "outbox"
"""Data for datastores that are not on the node: ``outbox/<datastore>/<path>``."""
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
DRIVER_LOG = "azureml-logs/70_driver_log.txt"
USER_LOG = "logs/user_log.txt"
"""Output of an interactive run's ``with`` block."""
SWEEP_LOG = "azureml-logs/hyperdrive.txt"
"""What a sweep has done, and why."""
MPI_LOG = "azureml-logs/70_mpi_log.txt"
"""Output of Open MPI."""
STD_LOG = "user_logs/std_log.txt"
"""Alternative name of the driver log."""

SNAPSHOTS = "snapshots"
"""Snapshot store in the workspace folder."""

ROOTS = (
    ("outputs/", "code/outputs/"),
    ("logs/", "code/logs/"),
    ("azureml-logs/", "azureml-logs/"),
    ("user_logs/", "user_logs/"),
)
"""Prefix of a file's name → folder in the run directory, as pairs."""

EVENTS = (("runs/", "code/runs/"), ("lightning_logs/", "code/lightning_logs/"))
"""Default folders of TensorBoard event files. Other files in these folders do not belong to the run."""
_EVENT_FILE = ".tfevents."

RANKS = "ranks"
"""Command and exit files of the processes of a distributed job."""
POOL = "pool"
"""What the hosts of a run on several hosts tell each other through the service."""
POOL_READY, POOL_GO, POOL_LAUNCH, POOL_ENDING = "ready", "go", "launch", "ending"
"""Files in it: what a host tells; what all have told; the command of mpirun's daemon; that the host's part must end."""
POOL_VERDICT, POOL_RELAYED = "verdict", "relayed"
"""Further ones: how the whole run ended; how much of another host's logs is in this one's."""
NODES = "nodes"
"""Simulated nodes of a distributed job other than the first: ``nodes/<number>/code``."""


def output_path(path: str, run_id: str, name: str) -> str:
    """Return the path of a run's output on its datastore.

    Args:
        path: path that may contain ``{run-id}`` and ``{output-name}``.
        run_id: id of the run.
        name: name of the output.

    Example:
        >>> output_path("made/{run-id}/", "r1", "model")
        'made/r1'
    """
    return path.replace("{run-id}", run_id).replace("{output-name}", name).strip("/")


def logs_of(kind: str) -> Tuple[str, ...]:
    """Return the names of the logs of a run of some type, in the order in which they are written.

    Example:
        >>> logs_of("hyperdrive")
        ('azureml-logs/hyperdrive.txt',)
    """
    return (SWEEP_LOG,) if kind == "hyperdrive" else (BUILD_LOG, DRIVER_LOG)


def rank_log(rank: int, second: bool = False) -> str:
    """Return the name of a rank's log.

    Args:
        rank: rank of the process.
        second: return the alternative name, which later SDK v1 releases use.

    Example:
        >>> rank_log(1), rank_log(1, second=True)
        ('azureml-logs/70_driver_log_1.txt', 'user_logs/std_log_process_1.txt')
    """
    return f"user_logs/std_log_process_{rank}.txt" if second else f"azureml-logs/70_driver_log_{rank}.txt"


def is_event_file(name: str) -> bool:
    """Return whether a file is a TensorBoard event file.

    Example:
        >>> is_event_file("logs/events.out.tfevents.1.host"), is_event_file("logs/a.txt")
        (True, False)
    """
    return _EVENT_FILE in name.rpartition("/")[2]


def second_name(path: str) -> str:
    """Return the alternative name of a log, or ``""`` if it has none.

    Args:
        path: name of the log.

    Example:
        >>> second_name("azureml-logs/70_driver_log_1.txt")
        'user_logs/std_log_process_1.txt'
    """
    if path == DRIVER_LOG:
        return STD_LOG
    rank = path[len(rank_log(0)) - len("0.txt") : -len(".txt")]
    return rank_log(int(rank), second=True) if rank.isdigit() and path == rank_log(int(rank)) else ""


def place_of(name: str) -> str:
    """Return the path of a run's file in the run directory.

    Args:
        name: name of the file, as returned by ``run.get_file_names()``.

    Returns:
        Path relative to the run directory. Names without a known prefix are stored in ``artifacts/``.

    Example:
        >>> place_of("outputs/model.pkl"), place_of("plots/roc.png")
        ('code/outputs/model.pkl', 'artifacts/plots/roc.png')
    """
    for prefix, folder in (*ROOTS, *EVENTS) if is_event_file(name) else ROOTS:
        if name.startswith(prefix):
            return folder + name[len(prefix) :]
    return f"{ARTIFACTS}/{name}"
