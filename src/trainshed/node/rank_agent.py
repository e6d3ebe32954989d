"""Program: run ranks of a job on this node. ``python -S -E rank_agent.py FOLDER all|forwarded|mpi``.

Kept to the few lines that Python cannot cache as bytecode; the rest is :mod:`trainshed.node.rank_processes`.
"""

import os
import sys

if __name__ == "__main__":
    # The folder of the package takes the place of the folder of this script.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from trainshed.node.rank_processes import main

    os._exit(main(sys.argv[1], sys.argv[2]))
