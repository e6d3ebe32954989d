"""Program: hold one run on this node. ``python -S -E shim.py``, with the run directory as one line on standard input.

Started ahead of its run, so that Python and the imports are there when the run comes. Kept to the few lines that
Python cannot cache as bytecode.
"""

import os
import sys

if __name__ == "__main__":
    # The folder of the package takes the place of the folder of this script.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from trainshed.node import preload
    from trainshed.node.life import main

    preload.load(sys.stdin.fileno())
    run_dir = sys.stdin.readline().rstrip("\n")
    # No line: whoever started this has ended without a run for it. At the end nothing is left to tear down:
    # what must last is on disk by then.
    os._exit(main(run_dir) if run_dir else 0)
