"""Program: the first process of a machine of a test cluster. ``python3 -S -E slurm_node.py FOLDER NAME COMMAND…``

Runs as root in mount, process and host name spaces of its own: with another host name, another boot and processes of its
own, but with the files and the network of the machine that it is on. It starts each COMMAND, says when it has, inherits
orphans, and ends when its input does; everything on the machine ends with it at once, as at a power failure.
"""

import os
import random
import select
import signal
import subprocess
import sys


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdout=sys.stderr)


def main() -> None:
    folder, name, *commands = sys.argv[1:]
    mount("-t", "proc", "proc", "/proc")
    # Open MPI's daemons name folders in /tmp after their pids, and the folder is that of all machines of all clusters:
    # one that was killed has left what another, with the same pid, could not use.
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(random.randrange(1000, 30000)))
    mount("--bind", f"{folder}/boot-{name}", "/proc/sys/kernel/random/boot_id")
    for own in ("hosts", "passwd", "shadow"):
        mount("--bind", f"{folder}/{own}", f"/etc/{own}")
    if os.environ.get("HIDES"):
        mount("-t", "tmpfs", "-o", "mode=1777,size=16m", "tmpfs", os.environ["HIDES"])
    subprocess.run(["hostname", name], check=True)
    with open(f"{folder}/log/{name}.out", "ab") as log:
        for command in commands:
            subprocess.Popen(["sh", "-c", f"exec {command}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    print("up", flush=True)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while 0 not in select.select([0, wake], [], [])[0]:
        os.read(wake, 4096)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    main()
