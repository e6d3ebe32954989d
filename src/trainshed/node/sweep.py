"""Program: end processes of a run on this node, by a variable in their environment. ``sweep.py NAME=VALUE GRACE``.

With the run directory in place of the grace period, they are only told that they will soon be ended.
"""

import os
import sys
import time

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from trainshed.node import notice
    from trainshed.system import process

    if os.path.isabs(sys.argv[2]):
        notice.tell(sys.argv[2], process.family(None, sys.argv[1]) - {os.getpid()})
    else:
        process.end(lambda: process.family(None, sys.argv[1]) - {os.getpid()}, float(sys.argv[2]), time.sleep)
