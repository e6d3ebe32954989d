"""The nodes of a Slurm job, seen from the first of them."""

from __future__ import annotations

import os
import sys
from typing import Tuple

_SRUN = ("srun", "--ntasks-per-node=1", "--overlap", "--kill-on-bad-exit=0", "--export=ALL")
_SWEEP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sweep.py")
_SECONDS = 60.0


def hosts() -> Tuple[str, ...]:
    """Return the names of the nodes of this job, if it has several."""
    nodes = os.environ.get("SLURM_JOB_NODELIST", "")
    if os.environ.get("SLURM_JOB_NUM_NODES", "1") == "1" or not nodes:
        return ()
    import subprocess  # only jobs with several nodes need it

    done = subprocess.run(["scontrol", "show", "hostnames", nodes], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S607
    return tuple(done.stdout.split())


def spread(names: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return argv of what starts a program once on each node of this job, beside whatever else runs in it.

    Args:
        names: result of :func:`hosts`.
    """
    return (*_SRUN, f"--nodes={len(names)}", f"--ntasks={len(names)}") if names else ()


def sweep(names: Tuple[str, ...], marker: str, grace: float) -> None:
    """End processes of a run on all nodes: SIGTERM, then SIGKILL.

    Args:
        names: result of :func:`hosts`.
        marker: ``NAME=value`` in the environment of these processes.
        grace: seconds between the two.
    """
    import subprocess  # as above

    environ = {name: value for name, value in os.environ.items() if name != marker.partition("=")[0]}
    argv = [*spread(names), sys.executable, "-S", "-E", _SWEEP, marker, str(grace)]
    try:
        subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, timeout=grace + _SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"What the run has left on other nodes could not be ended: {error}\n")
