"""The supervision of one run in a job of Slurm.

Nothing of the run is started before the service has stored the job's id: until then, the file ``accepted`` in the run
directory is missing, or names another job.
"""

from __future__ import annotations

import os
import time

from trainshed.node import slurm
from trainshed.spec import layout
from trainshed.system import confined, signals

NOT_SHARED, NOT_ACCEPTED, NOT_AGAIN = 74, 75, 76
"""Exit codes; :mod:`trainshed.targets.slurm_states` knows them."""
_VISIBLE_SECONDS, _ACCEPTED_SECONDS = 20.0, 120.0
_PAUSE = 0.01
_FROM_OUTSIDE = frozenset({"host_lost", "rank_failed", "signal"})
"""Reasons of an attempt that may have been ended from outside."""
_OURS = ("shim.json", "exit.json", "exit.room", "preempted", "preempted.seen", "container.json", "ranks")
_GRACE_FOR_ORPHANS = 5.0
_LONGEST = 64 << 20


def main(run_dir: str, job: str) -> int:
    """Supervise the run.

    Args:
        run_dir: the run directory.
        job: id of this job; ``SLURM_JOB_ID`` is no good for that, since one task of an array has there what is also
            the id of the array.

    Returns:
        The exit code of the job.
    """
    return _wait_until_accepted(run_dir, job) or _begin_again(run_dir) or _supervise(run_dir, job)


def _wait_until_accepted(run_dir: str, job: str) -> int:
    """Wait until this job may start the run; return 0, or the exit code with which to give up."""
    began = time.monotonic()
    while True:
        if confined.read_inside(run_dir, layout.ACCEPTED, 0, 256).decode(errors="replace").strip() == job:
            return 0
        waited = time.monotonic() - began
        visible = os.path.isdir(run_dir)
        if os.path.lexists(os.path.join(run_dir, layout.CANCEL)) or waited > _ACCEPTED_SECONDS:
            return NOT_ACCEPTED
        if not visible and waited > _VISIBLE_SECONDS:
            return NOT_SHARED
        time.sleep(_PAUSE)


def _begin_again(run_dir: str) -> int:
    """Set aside what an earlier attempt has recorded, if Slurm has requeued this job.

    Returns:
        0; or the exit code with which to give up: the run had ended, or has been tried often enough.
    """
    restarts = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    os.environ[slurm.ATTEMPT] = str(restarts + 1)
    if not restarts:
        return 0
    how = confined.json_inside(run_dir, layout.EXIT)
    by_itself = how and how.get("reason") not in _FROM_OUTSIDE and "notice" not in how
    if by_itself or restarts > _most(run_dir):
        return NOT_AGAIN
    aside = os.path.join(run_dir, layout.ATTEMPTS, str(restarts))
    os.makedirs(aside, mode=0o700, exist_ok=True)
    for name in _OURS:
        if os.path.lexists(os.path.join(run_dir, name)):
            os.rename(os.path.join(run_dir, name), os.path.join(aside, name))
    from trainshed.node import logs

    log = logs.open_log(os.path.join(run_dir, layout.DRIVER_LOG))
    os.write(log, f"Attempt {restarts + 1}: Slurm has requeued the run's job and started it again.\n".encode())
    os.close(log)
    return 0


def _most(run_dir: str) -> int:
    """Return how often the job may be requeued."""
    return int(confined.json_inside(run_dir, layout.SPEC, _LONGEST).get("node_context", {}).get("requeue") or 0)


def _notify(run_dir: str, job: str, child: int) -> None:
    """Pass on that Slurm will soon end the job."""
    from trainshed.node import notice  # not needed by most jobs

    notice.give(run_dir)
    os.kill(child, signals.SIGUSR1)
    told = slurm.control("--oneliner", "show", "job", job)
    taken = "PreemptTime=" in told and "PreemptTime=None" not in told
    notice.give(run_dir, notice.PREEMPTED if taken or not told else notice.TIME_LIMIT)


def _requeue(run_dir: str, job: str) -> None:
    """Have Slurm run this job again if the run ended because of its word, and may be tried again."""
    told = "notice" in confined.json_inside(run_dir, layout.EXIT)
    if told and int(os.environ.get("SLURM_RESTART_COUNT") or 0) < _most(run_dir):
        slurm.control("requeue", job)


def _hold(run_dir: str) -> int:
    """Be the shim; the agents of several nodes are on their way while the rest is imported."""
    agents = None
    if slurm.count() > 1:
        from trainshed.node.slurm_agents import SlurmAgents

        agents = SlurmAgents(run_dir)
    from trainshed.node import life

    return life.main(run_dir, agents=agents)


def _supervise(run_dir: str, job: str) -> int:
    """Be the shim of a run, in a child: a shim that is killed leaves processes, which not every cluster ends by itself.

    Returns:
        The exit code of the shim; 128 and the number of the signal that ended it.
    """
    signals.signal(signals.SIGUSR1, lambda *_: None)
    child = os.fork()
    if not child:
        # As in shim.py: everything that must persist is on disk.
        os._exit(_hold(run_dir))
    signals.signal(signals.SIGTERM, lambda *_: os.kill(child, signals.SIGTERM))
    signals.signal(signals.SIGUSR1, lambda *_: _notify(run_dir, job, child))
    status = os.waitpid(child, 0)[1]
    for number in (signals.SIGTERM, signals.SIGUSR1):
        signals.signal(number, signals.SIG_IGN)
    _requeue(run_dir, job)
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    from trainshed.system import process

    marker = f"TRAINSHED_RUN_ID={os.path.basename(run_dir)}"
    process.end(lambda: process.family(None, marker), _GRACE_FOR_ORPHANS, time.sleep)
    return 128 + os.WTERMSIG(status)
