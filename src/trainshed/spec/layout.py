"""Names of what lies in a run directory: the wire between a node and the service."""

from __future__ import annotations

SPEC = "spec.json"
SHIM = "shim.json"
PHASES = "phases.jsonl"
CANCEL = "cancel"
EXIT = "exit.json"
CONTAINER = "container.json"
"""The engine and the names of a run's containers, for whoever has to remove them after a shim that was killed."""
CONTAINER_INIT = "container_init.order"
"""What the first process of a container is to do; beside it (``.end``) how that ended."""
REGISTRY_SECRET = "registry.secret"  # noqa: S105 - the name of a file
"""A registry's password on its way from the service to the shim, which removes the file as it begins."""
SERVICE_TOKEN = "service.token"  # noqa: S105 - the name of a file
"""What lets a script on another machine use the service's API."""
SHIM_LOG = "shim.log"
"""What the shim itself complains about."""
JOURNAL = "journal.jsonl"
CODE = "code"
DATA = "data"
ARTIFACTS = "artifacts"
OUTBOX = "outbox"
"""On a machine that sees no datastore: what a run has left for them, ``outbox/<datastore>/<path>``."""
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
DRIVER_LOG = "azureml-logs/70_driver_log.txt"
USER_LOG = "logs/user_log.txt"
"""What a program prints within ``with experiment.start_logging()``."""
MPI_LOG = "azureml-logs/70_mpi_log.txt"
"""What Open MPI itself says."""
STD_LOG = "user_logs/std_log.txt"
"""The driver log's second name: the same file."""

SNAPSHOTS = "snapshots"
"""Below the workspace folder: the store of snapshots."""

ROOTS = (
    ("outputs/", "code/outputs/"),
    ("logs/", "code/logs/"),
    ("azureml-logs/", "azureml-logs/"),
    ("user_logs/", "user_logs/"),
)
"""Where a file of a run lies, by how its name begins: (beginning of its name, folder in the run directory)."""

EVENTS = (("runs/", "code/runs/"), ("lightning_logs/", "code/lightning_logs/"))
"""Where TensorBoard's writers put their event files by default; no other file of these folders is a run's."""
_EVENT_FILE = ".tfevents."

RANKS = "ranks"
"""Orders and ends of the processes of a job with more than one."""
NODES = "nodes"
"""Further nodes of such a job, where they are folders of one machine: ``nodes/<number>/code``."""


def output_path(path: str, run_id: str, name: str) -> str:
    """Return where on its datastore an output of a run lies.

    Args:
        path: as it was asked for; ``{run-id}`` and ``{output-name}`` stand for these.
        run_id: the run.
        name: of the output.

    Example:
        >>> output_path("made/{run-id}/", "r1", "model")
        'made/r1'
    """
    return path.replace("{run-id}", run_id).replace("{output-name}", name).strip("/")


def rank_log(rank: int, second: bool = False) -> str:
    """Return the name of a rank's own log.

    Args:
        rank: its number.
        second: the name of v1's last releases for the same file.

    Example:
        >>> rank_log(1), rank_log(1, second=True)
        ('azureml-logs/70_driver_log_1.txt', 'user_logs/std_log_process_1.txt')
    """
    return f"user_logs/std_log_process_{rank}.txt" if second else f"azureml-logs/70_driver_log_{rank}.txt"


def is_event_file(name: str) -> bool:
    """Tell whether a file is one of TensorBoard's.

    Example:
        >>> is_event_file("logs/events.out.tfevents.1.host"), is_event_file("logs/a.txt")
        (True, False)
    """
    return _EVENT_FILE in name.rpartition("/")[2]


def second_name(path: str) -> str:
    """Return the second name of a log that has two; ``""`` for all other files.

    Args:
        path: its first name.

    Example:
        >>> second_name("azureml-logs/70_driver_log_1.txt")
        'user_logs/std_log_process_1.txt'
    """
    if path == DRIVER_LOG:
        return STD_LOG
    rank = path[len(rank_log(0)) - len("0.txt") : -len(".txt")]
    return rank_log(int(rank), second=True) if rank.isdigit() and path == rank_log(int(rank)) else ""


def place_of(name: str) -> str:
    """Return where a file of a run that was written by the script or the node lies in the run directory.

    Args:
        name: as ``run.get_file_names()`` gives it.

    Returns:
        Path relative to the run directory; names with no folder of their own lie under ``artifacts/``.

    Example:
        >>> place_of("outputs/model.pkl"), place_of("plots/roc.png")
        ('code/outputs/model.pkl', 'artifacts/plots/roc.png')
    """
    for prefix, folder in (*ROOTS, *EVENTS) if is_event_file(name) else ROOTS:
        if name.startswith(prefix):
            return folder + name[len(prefix) :]
    return f"{ARTIFACTS}/{name}"
