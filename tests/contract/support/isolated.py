"""A machine that shares nothing with the service: another user, home, host name, boot, processes and file tree."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

PYTHON = "/usr/bin/python3"
_USER = 65534
_INIT = Path(__file__).with_name("isolated_init.py")
_TOOLS = ("unshare", "nsenter", "setpriv", "setsid", "mount", "hostname")


def why_not() -> str:
    """Return why there can be no isolated machine here; ``""`` where there can."""
    if os.geteuid() != 0:
        return "an isolated machine takes root, for name spaces of its own"
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    if missing or not os.path.exists(PYTHON):
        return f"an isolated machine takes {', '.join(missing) or PYTHON}"
    trial = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--uts", "true"], capture_output=True, check=False)
    return "" if trial.returncode == 0 else f"no name spaces here: {trial.stderr.decode().strip()}"


class IsolatedMachine:
    """One such machine, up from its creation on.

    Args:
        folder: a folder to make for it.
        name: its host name.

    Attributes:
        folder: what the machine sees as ``/mnt``.
    """

    spaces: tuple[str, ...] = ("--mount", "--pid", "--uts")
    """Its name spaces, as options of unshare and nsenter."""

    def __init__(self, folder: Path, name: str = "isolated") -> None:
        self.folder = folder
        self.name = name
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        self.home = folder / "home"
        self.home.mkdir()
        os.chown(self.home, _USER, _USER)
        self.boot()

    def boot(self) -> None:
        """Start the machine, as of a new boot."""
        (self.folder / "boot").write_text(f"{uuid.uuid4()}\n")
        spaces = ["unshare", *self.spaces, "--fork", "--kill-child", "--propagation", "private"]
        hidden = sorted({f"/{Path(path).resolve().parts[1]}" for path in self._ours()} - {"/usr"})
        self._child = subprocess.Popen(
            [*spaces, PYTHON, "-S", "-E", str(_INIT), str(self.folder), self.name, *hidden],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert self._child.stdout is not None
        told = self._child.stdout.readline()
        assert told, "the isolated machine did not start"
        self._pid = int(told)
        Path(f"{self.folder}.pid").write_text(told.decode())

    def _ours(self) -> list[str]:
        """Return what the machine must not see."""
        here = Path(__file__).parents[3]
        return [
            str(here),
            str(self.folder),
            tempfile.gettempdir(),
            os.path.expanduser("~"),
            sys.prefix,
            sys.base_prefix,
        ]

    def connect(self, *variables: str) -> list[str]:
        """Return the command that runs a shell command line on the machine, given as its last argument.

        It holds for the boots to come.

        Args:
            variables: ``NAME=value``, set there.
        """
        enter = f"nsenter --target=$(cat {self.folder}.pid) --mount --pid --uts --wd=/"
        user = f"setpriv --reuid={_USER} --regid={_USER} --clear-groups"
        # As sshd does it: what runs there is in a session of its own, and hears of the end by its input alone.
        environ = shlex.join(["env", "-i", "HOME=/mnt/home", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", *variables])
        return ["sh", "-c", f'exec {enter} {user} {environ} setsid sh -c "$1"', "reach"]

    def call(self, *argv: str) -> str:
        """Run a program on the machine and return what it prints."""
        done = subprocess.run([*self.connect(), shlex.join(argv)], capture_output=True, text=True, check=True)
        return done.stdout

    def mount(self, *arguments: str) -> None:
        """Mount something there, as root."""
        subprocess.run([*self.enter(), "mount", *arguments], check=True)

    def enter(self) -> list[str]:
        """Return the command before one that is to run there, as root."""
        return ["nsenter", f"--target={self._pid}", *self.spaces, "--wd=/"]

    def agents(self) -> list[int]:
        """Return the pids, here, of the agents on the machine."""
        return [pid for pid in self._processes() if b"machines/serve.py" in read_file(f"/proc/{pid}/cmdline")]

    def _processes(self) -> list[int]:
        space = os.readlink(f"/proc/{self._pid}/ns/pid")
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != self._pid:
                try:
                    if os.readlink(f"/proc/{name}/ns/pid") == space:
                        found.append(int(name))
                except OSError:
                    continue
        return found

    def stop(self) -> None:
        """Turn the machine off: everything on it ends at once."""
        if self._child is None:
            return
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(30)
        self._child.stdout.close()
        self._child = None


def read_file(path: str) -> bytes:
    """Return what a file of a process says; nothing if that has ended."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
