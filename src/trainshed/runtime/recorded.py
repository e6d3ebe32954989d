"""The run of a script that was started by hand with ``TRAINSHED_RECORD`` in its environment."""

import os
import sys

from trainshed.runtime import unavailable

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "TRAINSHED_RECORD"
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
_started: "Any" = None


def wanted() -> bool:
    """Return whether this process is to keep a record: the first of several ranks, and not the children it starts."""
    return _started is not None or (
        bool(os.environ.get(VARIABLE)) and all(os.environ.get(name, "0") == "0" for name in _RANKS)
    )


def current() -> "Any":
    """Return the run of this process. The first call starts it; it ends with the process.

    The run's experiment is the value of the variable. The folder of the script is its snapshot; files in ``./outputs``
    and what the process prints from now on are the run's.

    Raises:
        SnapshotException: the folder of the script is too large.
        WorkspaceException: the workspace does not exist.
    """
    global _started  # noqa: PLW0603 - one run for the whole process
    if _started is None:
        experiment = os.environ.pop(VARIABLE)  # the children of this process are part of this run
        whole: "Any" = unavailable.whole()
        workspace = whole.Workspace.from_config()
        script = getattr(sys.modules.get("__main__"), "__file__", None)
        folder = os.path.dirname(os.path.abspath(script)) if script else None
        run = whole.Experiment(workspace, experiment).start_logging(
            snapshot_directory=folder, display_name=os.path.basename(script) if script else None
        )
        run.__enter__()
        _started = run
    return _started
