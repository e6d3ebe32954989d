"""Names of what lies in a run directory: the wire between a node and the service."""

from __future__ import annotations

SPEC = "spec.json"
SHIM = "shim.json"
PHASES = "phases.jsonl"
CANCEL = "cancel"
EXIT = "exit.json"
JOURNAL = "journal.jsonl"
CODE = "code"
DATA = "data"
ARTIFACTS = "artifacts"
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
DRIVER_LOG = "azureml-logs/70_driver_log.txt"
USER_LOG = "logs/user_log.txt"
"""What a program prints within ``with experiment.start_logging()``."""
STD_LOG = "user_logs/std_log.txt"
"""The driver log's second name: the same file."""

SNAPSHOTS = "snapshots"
"""Below the workspace folder: the store of snapshots."""
INCOMING = "snapshots/incoming"
"""Where a client on the service's own machine writes its packs."""

ROOTS = (
    ("outputs/", "code/outputs/"),
    ("logs/", "code/logs/"),
    ("azureml-logs/", "azureml-logs/"),
    ("user_logs/", "user_logs/"),
)
"""Where a file of a run lies, by how its name begins: (beginning of its name, folder in the run directory)."""


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
    for prefix, folder in ROOTS:
        if name.startswith(prefix):
            return folder + name[len(prefix) :]
    return f"{ARTIFACTS}/{name}"
