"""Program: supervise one run in a job of a batch system. ``python -S -E batch.py RUN_DIR VARIABLE [UMASK]``.

It starts nothing before the service has stored the job's id, which the environment variable VARIABLE contains: until
then, the file ``accepted`` in the run directory is missing, or names another job.
"""

import os
import signal
import sys
import time

NOT_SHARED, NOT_ACCEPTED = 74, 75
"""Exit codes; :mod:`trainshed.targets.slurm_states` knows them."""
_VISIBLE_SECONDS, _ACCEPTED_SECONDS = 20.0, 120.0
_PAUSE = 0.05
_GRACE_FOR_ORPHANS = 5.0


def wait_until_accepted(run_dir: str, job: str) -> int:
    """Wait until this job may start the run.

    Args:
        run_dir: the run directory.
        job: id of this job.

    Returns:
        0; or the exit code with which to give up.
    """
    from trainshed.spec import layout
    from trainshed.system import confined

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


def supervise(run_dir: str) -> int:
    """Be the shim of a run, in a child: a shim that is killed leaves processes, which not every cluster ends by itself.

    Args:
        run_dir: the run directory.

    Returns:
        The exit code of the shim; 128 and the number of the signal that ended it.
    """
    from trainshed.node import slurm
    from trainshed.node.life import main
    from trainshed.system import process

    child = os.fork()
    if not child:
        # As in shim.py: everything that must persist is on disk.
        os._exit(main(run_dir, hosts=slurm.hosts()))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    status = os.waitpid(child, 0)[1]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    marker = f"TRAINSHED_RUN_ID={os.path.basename(run_dir)}"
    process.end(lambda: process.family(None, marker), _GRACE_FOR_ORPHANS, time.sleep)
    return 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if len(sys.argv) > 3:
        os.umask(int(sys.argv[3], 8))
    sys.exit(wait_until_accepted(sys.argv[1], os.environ.get(sys.argv[2], "")) or supervise(sys.argv[1]))
