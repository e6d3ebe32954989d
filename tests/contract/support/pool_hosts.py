"""Hosts of a pool: isolated machines with an sshd each, and a network of their own between two of them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import ssh_machine
from wires import Wires

_RELAY = str(Path(__file__).with_name("relay.py"))


class PoolHost(ssh_machine.SshMachine):
    """One host, with no network but that to the other ones.

    Attributes:
        address: on that network.
    """

    spaces = ("--mount", "--pid", "--uts", "--net")

    def __init__(self, folder: Path, name: str, address: str) -> None:
        self.address = address
        super().__init__(folder, name)

    def start_sshd(self, *options: str) -> None:
        """Start the sshd, which listens to this machine alone: the clients' way there is a relay."""
        self.in_net("ip", "link", "set", "lo", "up")
        super().start_sshd(*options)

    def in_net(self, *argv: str) -> None:
        """Run a program here, with the host's network."""
        subprocess.run(["nsenter", f"--target={self._pid}", "--net", *argv], check=True)

    @property
    def relay(self) -> list[str]:
        """The command that carries a connection to the sshd."""
        where = ["nsenter", f"--target={self._pid}", "--net"]
        return [*where, sys.executable, _RELAY, str(self.port)]

    @property
    def pid(self) -> int:
        """Its first process, as numbered here."""
        return self._pid


class HostPair:
    """Two such hosts, ``h1`` and ``h2``, that reach each other, and the configuration of a client that reaches both.

    Args:
        folder: for all of it.

    Attributes:
        config: file of the ssh configuration.
        wires: the connections to each host.
    """

    def __init__(self, folder: Path) -> None:
        self.hosts = [PoolHost(folder / f"h{number}", f"h{number}", f"10.99.0.{number}") for number in (1, 2)]
        self.wires = [Wires(folder / f"w{number}", []) for number in (1, 2)]
        self.config = folder / "ssh_config"
        self._connect()

    def _connect(self) -> None:
        first, second = self.hosts
        link = ["ip", "link", "add", "net0", "netns", str(first.pid), "type", "veth"]
        subprocess.run([*link, "peer", "name", "net0", "netns", str(second.pid)], check=True)
        lines = []
        for host, wires in zip(self.hosts, self.wires, strict=True):
            host.in_net("ip", "address", "add", f"{host.address}/24", "dev", "net0")
            host.in_net("ip", "link", "set", "net0", "up")
            key = " ".join((host.folder / "host_key.pub").read_text().split()[:2])
            (host.client / "known_hosts").write_text(f"[{host.address}]:{host.port} {key}\n")
            lines += [
                f"Host {host.name}",
                f"  HostName {host.address}",
                f"  Port {host.port}",
                f"  User {ssh_machine.USER}",
                f"  IdentityFile {host.client / 'id'}",
                "  IdentitiesOnly yes",
                f"  UserKnownHostsFile {host.client / 'known_hosts'}",
                "  GlobalKnownHostsFile /dev/null",
                f"  ProxyCommand {shlex.join([*wires.connect, *host.relay])}",
            ]
        self.config.write_text("\n".join(lines) + "\n")

    def reboot(self, host: PoolHost) -> None:
        """Turn a host off, with all that runs on it, and on again."""
        host.stop()
        host.boot()
        self._connect()

    def alive(self, run_id: str) -> list[tuple[str, int]]:
        """Return host and pid, as numbered here, of every process of a run."""
        found = []
        for host in self.hosts:
            space = os.readlink(f"/proc/{host.pid}/ns/pid")
            for name in filter(str.isdigit, os.listdir("/proc")):
                try:
                    ours = os.readlink(f"/proc/{name}/ns/pid") == space
                    if ours and f"TRAINSHED_RUN_ID={run_id}".encode() in Path(f"/proc/{name}/environ").read_bytes():
                        found.append((host.name, int(name)))
                except OSError:
                    continue
        return found

    def stop(self) -> None:
        """Turn both off."""
        for wires in self.wires:
            wires.close()
        for host in self.hosts:
            host.stop()
