"""The nodes of a Slurm job, seen from the first of them."""

from __future__ import annotations

import os
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
    return expand(os.environ.get("SLURM_JOB_NODELIST", "")) if count() > 1 else ()


def expand(nodes: str) -> Tuple[str, ...]:
    """Return the names that a host list of Slurm stands for, as ``scontrol show hostnames`` does in 20 ms.

    Args:
        nodes: such as ``"gpu[01-03,7],login"`` (https://slurm.schedmd.com/slurm.conf.html, NodeName).

    Example:
        >>> expand("gpu[08-10,7],login"), expand("rack[1-2]-[a,b]")
        (('gpu08', 'gpu09', 'gpu10', 'gpu7', 'login'), ('rack1-a', 'rack1-b', 'rack2-a', 'rack2-b'))
    """
    names: List[str] = []
    made = [""]  # what the part before the next comma stands for; no regular expression, whose import takes 5 ms
    while nodes:
        text, bracket, rest = nodes.partition("[")
        *whole, begun = text.split(",")
        for each in whole:
            names += [name + each for name in made]
            made = [""]
        ranges, _, nodes = rest.partition("]")
        made = [name + begun + end for name in made for end in (_ends(ranges) if bracket else ("",))]
    return tuple(filter(None, names + made))


def _ends(ranges: str) -> Iterator[str]:
    for one in ranges.split(","):
        first, dash, last = one.partition("-")
        if not dash:
            yield one
            continue
        for number in range(int(first), int(last) + 1):
            yield str(number).zfill(len(first))


def count() -> int:
    """Return how many nodes this job has."""
    return int(os.environ.get("SLURM_JOB_NUM_NODES") or 1)


def spread() -> Tuple[str, ...]:
    """Return argv of what starts a program once on each node of this job, beside whatever else runs in it.

    It is empty for a job that has one node.
    """
    # mpirun's daemon, which is started there, must see nothing of the cluster's own PMI.
    return (*_SRUN, "--mpi=none", f"--nodes={count()}", f"--ntasks={count()}") if count() > 1 else ()


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


def end(marker: str, grace: float) -> None:
    """End processes of a run on all nodes: SIGTERM, then SIGKILL.

    Args:
        marker: ``NAME=value`` in the environment of these processes.
        grace: seconds between the two.
    """
    failed = _everywhere(("end", marker, str(grace)), grace + _SECONDS)
    if failed:
        sys.stderr.write(f"What the run has left on other nodes could not be ended: {failed}\n")


def warn(marker: str, run_dir: str) -> None:
    """Tell processes of a run on all nodes that they will soon be ended; see :func:`trainshed.node.notice.tell`.

    Args:
        marker: ``NAME=value`` in the environment of these processes.
        run_dir: the run directory.
    """
    failed = _everywhere(("warn", marker, run_dir), _SECONDS)
    if failed:
        sys.stderr.write(f"The processes on other nodes were not told that they will be ended: {failed}\n")


def _everywhere(arguments: Tuple[str, str, str], seconds: float) -> str:
    """Run the program on all nodes; return what went wrong."""
    import subprocess  # only what ends or warns other nodes needs it

    marked = arguments[1].partition("=")[0]
    environ = {name: value for name, value in os.environ.items() if name != marked}
    argv = [*spread(), sys.executable, "-S", "-E", _MARKED, *arguments]
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
