"""An isolated machine with a real sshd, and the ssh configuration of a client that may log in."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import isolated

SSHD = "/usr/sbin/sshd"
USER = "worker"
_RELAY = str(Path(__file__).with_name("relay.py"))


def why_not() -> str:
    """Return why there can be no machine with an sshd here; ``""`` where there can."""
    if isolated.why_not():
        return isolated.why_not()
    missing = [name for name in ("ssh", "ssh-keygen", SSHD) if shutil.which(name) is None]
    return f"no {', '.join(missing)} here (Debian: openssh-client, openssh-server)" if missing else ""


class SshMachine(isolated.IsolatedMachine):
    """One such machine, whose user is ``worker``.

    Attributes:
        port: of the sshd, at the loopback address.
        client: folder of the client, with ``config`` for host ``box``, ``id`` (its key) and ``known_hosts``.
        log: what the sshd says.
    """

    def __init__(self, folder: Path, name: str = "isolated") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.client = folder.parent / f"{folder.name}-client"
        self.client.mkdir(mode=0o700)
        self._sshd: subprocess.Popen[bytes] | None = None
        super().__init__(folder, name)
        self.configure()

    @property
    def log(self) -> str:
        """Return what the sshd has said."""
        return (self.folder / "sshd.log").read_text()

    @property
    def logins(self) -> int:
        """Return how many logins there were."""
        return self.log.count("Accepted publickey")

    def boot(self) -> None:
        """Start the machine, and its sshd."""
        super().boot()
        self.make_key(self.folder / "host_key")
        self.make_key(self.client / "id")
        keys = self.folder / "authorized_keys"
        if not keys.exists():
            shutil.copyfile(self.client / "id.pub", keys)
        for name in ("passwd", "group"):
            lines = [line for line in Path(f"/etc/{name}").read_text().splitlines() if not line.startswith("nobody:")]
            own = {"passwd": f"{USER}:x:65534:65534::/mnt/home:/bin/sh", "group": f"{USER}:x:65534:"}[name]
            (self.folder / name).write_text("\n".join([*lines, own]) + "\n")
            self.mount("--bind", f"/mnt/{name}", f"/etc/{name}")
        Path("/run/sshd").mkdir(exist_ok=True)
        self.start_sshd()

    @staticmethod
    def make_key(path: Path) -> None:
        """Make a key pair unless it is there."""
        if not path.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)

    def start_sshd(self, *options: str) -> None:
        """Start the sshd, with further settings such as ``"MaxSessions=1"``, and return when it listens."""
        settings = (
            f"Port={self.port}",
            "ListenAddress=127.0.0.1",
            "HostKey=/mnt/host_key",
            "AuthorizedKeysFile=/mnt/authorized_keys",
            "PidFile=none",
            "PasswordAuthentication=no",
            "KbdInteractiveAuthentication=no",
            "StrictModes=no",
            "UsePAM=no",
            "PermitUserEnvironment=yes",
        )
        options = tuple(word for each in (*options, *settings) for word in ("-o", each))
        (self.folder / "sshd.log").touch(mode=0o644)
        listened = self.log.count("Server listening")
        self._sshd = subprocess.Popen(
            [*self.enter(), SSHD, "-D", "-f", "/dev/null", "-E", "/mnt/sshd.log", *options], start_new_session=True
        )
        while True:
            if self.log.count("Server listening") > listened:
                return
            assert self._sshd.poll() is None, self.log
            time.sleep(0.01)

    def stop_sshd(self) -> None:
        """End the sshd and all connections."""
        assert self._sshd is not None
        for pid in self._processes():
            name = isolated.read_file(f"/proc/{pid}/comm").strip()
            if name == b"sshd":
                os.kill(pid, 9)
        self._sshd.wait()

    def configure(self, *lines: str, proxy: list[str] | None = None) -> None:
        """Write the client's configuration.

        Args:
            lines: further lines for host ``box``; they count before the usual ones.
            proxy: command in front of the one that carries the connection.
        """
        key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.client / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key}\n")
        if proxy is not None:
            lines = (*lines, f"ProxyCommand {shlex.join([*proxy, sys.executable, _RELAY, str(self.port)])}")
        whole = (
            *lines,
            "HostName 127.0.0.1",
            f"Port {self.port}",
            f"User {USER}",
            f"IdentityFile {self.client / 'id'}",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {self.client / 'known_hosts'}",
            "GlobalKnownHostsFile /dev/null",
        )
        (self.client / "config").write_text("Host box\n" + "".join(f"  {line}\n" for line in whole))

    def settings(self, **more: object) -> dict[str, object]:
        """Return the settings of a target that is this machine."""
        return {"kind": "ssh", "host": "box", "config": str(self.client / "config"), **more}

    def stop(self) -> None:
        """Turn the machine off."""
        super().stop()
        if self._sshd is not None:
            self._sshd.wait()
            self._sshd = None
