"""Program: run ranks of a job on this node. ``python -S -E rank_agent.py FOLDER all|forwarded|mpi|mpi-apart|waiting``.

It is kept short because Python does not cache the bytecode of a main script; see :mod:`trainshed.node.rank_processes`.
"""

import os
import sys

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.argv[2] == "waiting":
        from trainshed.node import waiting_agent

        os._exit(waiting_agent.main(sys.argv[1]))
    from trainshed.node.rank_processes import main

    os._exit(main(sys.argv[1], sys.argv[2]))
