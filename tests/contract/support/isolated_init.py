"""Program: the first process of an isolated machine. ``python3 -S -E isolated_init.py FOLDER NAME HIDDEN…``

Runs as root in mount, process and host name spaces of its own. It hides the folders of the service, pretends another
boot, says by which pid the outside knows it, and then inherits orphans until its input ends; all processes of the
machine end with it.
"""

import os
import select
import signal
import subprocess
import sys


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdout=sys.stderr)


def main() -> None:
    folder, name, *hidden = sys.argv[1:]
    outside = os.readlink("/proc/self")  # the name space of the mount, which is still the outside's
    mount("-t", "proc", "proc", "/proc")
    mount("--bind", f"{folder}/boot", "/proc/sys/kernel/random/boot_id")
    mount("--bind", folder, "/mnt")
    for place in (*hidden, "/dev/shm"):
        mount("-t", "tmpfs", "-o", "mode=1777,size=256m", "tmpfs", place)
    subprocess.run(["hostname", name], check=True)
    print(outside, flush=True)
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
