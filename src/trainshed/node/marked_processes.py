"""Program: ``marked_processes.py end NAME=VALUE GRACE``, or ``marked_processes.py warn NAME=VALUE RUN_DIR``.

It ends the processes on this node that have this variable in their environment, or tells them that they will be ended.
"""

import os
import sys
import time

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from trainshed.node import notice
    from trainshed.system import process

    what, marker, argument = sys.argv[1:]
    if what == "warn":
        notice.tell(argument, process.family(None, marker) - {os.getpid()})
    else:
        process.end(lambda: process.family(None, marker) - {os.getpid()}, float(argument), time.sleep)
