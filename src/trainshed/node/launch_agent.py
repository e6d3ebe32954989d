"""Program: what mpirun calls in place of ssh to start a daemon on another host: ``launch_agent.py FOLDER HOST WORD…``.

It leaves the command in a file, which the service hands to that host's shim, and says that it has begun: from then on
daemon and mpirun speak to each other by themselves.
"""

import os
import sys

if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from trainshed.system import files

    folder, *words = sys.argv[1:]
    while words and words[0].startswith("-"):
        del words[0]  # an option of ssh
    if len(words) < 2:
        sys.exit("mpirun has named no host, or no command for it.")
    files.write(os.path.join(folder, f"launch-{words[0]}"), " ".join(words[1:]))
