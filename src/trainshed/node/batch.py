"""Program: supervise one run in a job of a batch system. ``python -S -E batch.py RUN_DIR VARIABLE [UMASK]``.

The environment variable VARIABLE contains the job's id. This script is short because Python does not cache the
bytecode of a main script: see :mod:`trainshed.node.slurm_job`.
"""

import os
import sys

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if len(sys.argv) > 3:
        os.umask(int(sys.argv[3], 8))
    from trainshed.system import signals

    signals.signal(signals.SIGUSR1, signals.SIG_IGN)  # a run that has not begun has nothing to save
    from trainshed.node.slurm_job import main

    sys.exit(main(sys.argv[1], os.environ.get(sys.argv[2], "")))
