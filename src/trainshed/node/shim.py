"""Program: supervise one run on this node. ``python -S -E shim.py``, with the run directory on standard input.

It is started before its run exists, so that Python and the imports are ready when the run arrives. It is kept short
because Python does not cache the bytecode of a main script.
"""

import os
import sys

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if len(sys.argv) > 1:
        os.umask(int(sys.argv[1], 8))
    from trainshed.node import preload
    from trainshed.node.life import main
    from trainshed.system import control_group

    group = preload.load(sys.stdin.fileno())
    run_dir = os.fsdecode(sys.stdin.buffer.read())
    # Nothing: the parent has ended without a run for it. Skip Python's cleanup at the end:
    # everything that must persist is on disk by then.
    os._exit(main(run_dir, group) if run_dir else control_group.leave(group))
