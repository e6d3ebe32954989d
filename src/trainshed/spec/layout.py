"""Names of the files in a run directory: the interface between a node and the service."""

from __future__ import annotations

SPEC = "spec.json"
SHIM = "shim.json"
PHASES = "phases.jsonl"
CANCEL = "cancel"
EXIT = "exit.json"
CONTAINER = "container.json"
"""The engine and the names of a run's containers, so that they can be removed if the shim was killed."""
CONTAINER_INIT = "container_init.order"
"""Instructions for the first process of a container; beside it (``.end``), how it ended."""
REGISTRY_SECRET = "registry.secret"  # noqa: S105 - the name of a file
"""A registry's password, sent by the service to the shim, which removes the file when it starts."""
SERVICE_TOKEN = "service.token"  # noqa: S105 - the name of a file
"""The token with which a script on another machine uses the service's API."""
SHIM_LOG = "shim.log"
"""Error output of the shim itself."""
JOURNAL = "journal.jsonl"
CODE = "code"
DATA = "data"
ARTIFACTS = "artifacts"
OUTBOX = "outbox"
"""On a machine without the datastores: data that a run writes for them, ``outbox/<datastore>/<path>``."""
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
DRIVER_LOG = "azureml-logs/70_driver_log.txt"
USER_LOG = "logs/user_log.txt"
"""Output of a program within ``with experiment.start_logging()``."""
MPI_LOG = "azureml-logs/70_mpi_log.txt"
"""Output of Open MPI itself."""
STD_LOG = "user_logs/std_log.txt"
"""Second name of the driver log; the same file."""

SNAPSHOTS = "snapshots"
"""The store of snapshots, below the workspace folder."""

ROOTS = (
    ("outputs/", "code/outputs/"),
    ("logs/", "code/logs/"),
    ("azureml-logs/", "azureml-logs/"),
    ("user_logs/", "user_logs/"),
)
"""Where a file of a run is stored: (beginning of its name, folder in the run directory)."""

EVENTS = (("runs/", "code/runs/"), ("lightning_logs/", "code/lightning_logs/"))
"""Where TensorBoard writers put event files by default; no other files in these folders belong to the run."""
_EVENT_FILE = ".tfevents."

RANKS = "ranks"
"""Command and exit files of the processes of a job with several processes."""
NODES = "nodes"
"""The other nodes of such a job, if they are folders of one machine: ``nodes/<number>/code``."""


def output_path(path: str, run_id: str, name: str) -> str:
    """Return where on its datastore an output of a run is stored.

    Args:
        path: the requested path, in which ``{run-id}`` and ``{output-name}`` are replaced.
        run_id: the run.
        name: name of the output.

    Example:
        >>> output_path("made/{run-id}/", "r1", "model")
        'made/r1'
    """
    return path.replace("{run-id}", run_id).replace("{output-name}", name).strip("/")


def rank_log(rank: int, second: bool = False) -> str:
    """Return the name of a rank's log.

    Args:
        rank: its number.
        second: return the name that v1's last releases used for the same file.

    Example:
        >>> rank_log(1), rank_log(1, second=True)
        ('azureml-logs/70_driver_log_1.txt', 'user_logs/std_log_process_1.txt')
    """
    return f"user_logs/std_log_process_{rank}.txt" if second else f"azureml-logs/70_driver_log_{rank}.txt"


def is_event_file(name: str) -> bool:
    """Tell whether a file is a TensorBoard event file.

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
    """Return where a file written by the script or the node is stored in the run directory.

    Args:
        name: as returned by ``run.get_file_names()``.

    Returns:
        Path relative to the run directory; names without a folder of their own are stored under ``artifacts/``.

    Example:
        >>> place_of("outputs/model.pkl"), place_of("plots/roc.png")
        ('code/outputs/model.pkl', 'artifacts/plots/roc.png')
    """
    for prefix, folder in (*ROOTS, *EVENTS) if is_event_file(name) else ROOTS:
        if name.startswith(prefix):
            return folder + name[len(prefix) :]
    return f"{ARTIFACTS}/{name}"
