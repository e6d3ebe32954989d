"""Program: runs on a file system of a few megabytes, which their scripts fill. ``full_disk.py ROOT PROJECTS TIMES``

It runs in a mount name space of its own, with its own service, and prints the records of the runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from service_fixture import ServiceFixture, gone

FILLS = """
import os
with open("fill", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
"""
ENDS = {
    "exit 0": "",
    "exit 5": "os._exit(5)",
    "raises": "open('more', 'wb', 0).write(b'x')",
    "signal": "os.kill(os.getpid(), 9)",
}


def main(root: Path, projects: Path, times: int) -> None:
    runs = root / "runs"
    runs.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", runs], check=True)
    fixture = ServiceFixture(root, projects)
    told = []
    for _ in range(times):
        for name, end in ENDS.items():
            run_id = fixture.submit(FILLS + end)
            told.append({"end": name, **fixture.wait(run_id)})
            (runs / run_id / "code" / "fill").unlink()
    pid = fixture.service_pid()
    fd = os.pidfd_open(pid)
    fixture.service.call("POST", "/service/stop")
    gone(fd)
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
