"""The nodes of a Slurm job, seen from the first of them."""

from __future__ import annotations

import os
import re
import sys

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterator, List, Tuple

_SRUN = ("srun", "--ntasks-per-node=1", "--overlap", "--kill-on-bad-exit=0", "--export=ALL")
_MARKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "marked_processes.py")
_SECONDS = 60.0
_CONTROL_SECONDS = 20.0
ATTEMPT = "TRAINSHED_ATTEMPT"
"""Environment variable with the number of a run's attempt, from 1."""


def hosts() -> Tuple[str, ...]:
    """Return the names of the nodes of this job, if it has several."""
    nodes = os.environ.get("SLURM_JOB_NODELIST", "")
    return expand(nodes) if os.environ.get("SLURM_JOB_NUM_NODES", "1") != "1" else ()


def expand(nodes: str) -> Tuple[str, ...]:
    """Return the names that a host list of Slurm stands for, as ``scontrol show hostnames`` does in 20 ms.

    Args:
        nodes: such as ``"gpu[01-03,7],login"`` (https://slurm.schedmd.com/slurm.conf.html, NodeName).

    Example:
        >>> expand("gpu[08-10,7],login"), expand("rack[1-2]-[a,b]")
        (('gpu08', 'gpu09', 'gpu10', 'gpu7', 'login'), ('rack1-a', 'rack1-b', 'rack2-a', 'rack2-b'))
    """
    names: List[str] = []
    for one in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", nodes):
        made = [""]
        for text, ranges in re.findall(r"([^\[]*)(?:\[([^\]]*)\])?", one):
            made = [f"{each}{text}{end}" for each in made for end in _ends(ranges)]
        names += made
    return tuple(names)


def _ends(ranges: str) -> Iterator[str]:
    for one in ranges.split(","):
        first, dash, last = one.partition("-")
        if not dash:
            yield one
            continue
        for number in range(int(first), int(last) + 1):
            yield str(number).zfill(len(first))


def spread(names: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return argv of what starts a program once on each node of this job, beside whatever else runs in it.

    Args:
        names: result of :func:`hosts`.
    """
    return (*_SRUN, f"--nodes={len(names)}", f"--ntasks={len(names)}") if names else ()


def starter(kind: str, nodes: int, each: int) -> Tuple[str, ...]:
    """Return argv of what starts the ranks of MPI in this job, in place of ``mpirun``.

    Args:
        kind: of ``srun --mpi``, such as ``"pmix"``.
        nodes: of the job.
        each: ranks on each of them.
    """
    counts = (f"--nodes={nodes}", f"--ntasks={nodes * each}", f"--ntasks-per-node={each}")
    plain = tuple(option for option in _SRUN if not option.startswith("--ntasks"))
    return (*plain, f"--mpi={kind}", "--distribution=block", *counts)


def end(names: Tuple[str, ...], marker: str, grace: float) -> None:
    """End processes of a run on all nodes: SIGTERM, then SIGKILL.

    Args:
        names: result of :func:`hosts`.
        marker: ``NAME=value`` in the environment of these processes.
        grace: seconds between the two.
    """
    failed = _everywhere(names, ("end", marker, str(grace)), grace + _SECONDS)
    if failed:
        sys.stderr.write(f"What the run has left on other nodes could not be ended: {failed}\n")


def warn(names: Tuple[str, ...], marker: str, run_dir: str) -> None:
    """Tell processes of a run on all nodes that they will soon be ended; see :func:`trainshed.node.notice.tell`.

    Args:
        names: result of :func:`hosts`.
        marker: ``NAME=value`` in the environment of these processes.
        run_dir: the run directory.
    """
    failed = _everywhere(names, ("warn", marker, run_dir), _SECONDS)
    if failed:
        sys.stderr.write(f"The processes on other nodes were not told that they will be ended: {failed}\n")


def _everywhere(names: Tuple[str, ...], arguments: Tuple[str, str, str], seconds: float) -> str:
    """Run the program on all nodes; return what went wrong."""
    import subprocess  # only what ends or warns other nodes needs it

    marked = arguments[1].partition("=")[0]
    environ = {name: value for name, value in os.environ.items() if name != marked}
    argv = [*spread(names), sys.executable, "-S", "-E", _MARKED, *arguments]
    try:
        subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return ""


def control(*arguments: str) -> str:
    """Return what scontrol prints; nothing if it fails or does not answer."""
    import subprocess  # as above

    argv = ["scontrol", *arguments]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=_CONTROL_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{' '.join(argv)}: {error}\n")
        return ""
    return done.stdout
