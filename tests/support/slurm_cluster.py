"""A real Slurm on this machine: a controller and nodes with name spaces of their own, on ports of their own.

Several of them may be up at the same time. A node is another machine to everything that asks: another host name, another
boot, processes of its own. It shares the files of this machine, as the nodes of a cluster share a file system.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

_TOOLS = ("sbatch", "slurmctld", "slurmd", "munged", "unshare", "mount", "hostname")
_NODE = Path(__file__).with_name("slurm_node.py")
_CONTROLLER = "controller"
_LOGIN = "login"
_SSHD = "/usr/sbin/sshd"
_PAUSE = 0.05
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={controller}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=60
MessageTimeout=5
BatchStartTimeout=20
KillWait=5
EnforcePartLimits=ALL
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SlurmctldParameters=preempt_send_user_signal
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1,bf_resolution=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=short Nodes=ALL MaxTime=10 State=UP PriorityTier=1
PartitionName=spare Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""


def why_not() -> str:
    """Return why there can be no cluster here; ``""`` where there can."""
    if os.geteuid() != 0:
        return "a Slurm to test with takes root, for name spaces of its nodes"
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    if missing:
        return f"a Slurm to test with takes {', '.join(missing)} (apt-get install slurm-wlm munge)"
    trial = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--uts", "true"], capture_output=True, check=False)
    return "" if trial.returncode == 0 else f"no name spaces here: {trial.stderr.decode().strip()}"


class SlurmCluster:
    """One cluster, up from its creation on.

    Args:
        nodes: how many nodes it has: ``n1``, ``n2``, …
        cpus: of each.
        gpus: of each; they are files.

    Attributes:
        environ: by which the commands of Slurm find it.
    """

    def __init__(self, nodes: int = 2, cpus: int = 4, gpus: int = 0) -> None:
        # A short path: that of a socket has a hundred characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.environ = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self._machines: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("state", "spool", "log", "run", "gpus", "home", *(f"spool/{node}" for node in self.names)):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").touch(mode=0o600)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        hosts = " ".join(["localhost", _CONTROLLER, _LOGIN, *self.names])
        (self.folder / "hosts").write_text(f"127.0.0.1 {hosts}\n")
        (self.folder / "passwd").write_text(
            f"root:x:0:0::{self.folder}/home:/bin/sh\nsshd:x:99:99::/run/sshd:/bin/false\n"
        )
        (self.folder / "shadow").write_text("root:*:19000:0:99999:7:::\n")
        self._configure(cpus, gpus)
        self.start_controller()
        for name in self.names:
            self.boot(name)
        self.until(lambda: self.states() == ["idle"] * nodes)

    def _configure(self, cpus: int, gpus: int) -> None:
        port, *ports = _free_ports(1 + len(self.names))
        given = f" Gres=gpu:test:{gpus}" if gpus else ""
        lines = [
            f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={own} CPUs={cpus} RealMemory=2000 Feature={name}{given}"
            for name, own in zip(self.names, ports, strict=True)
        ]
        files = [self.folder / "gpus" / f"gpu{number}" for number in range(gpus)]
        for file in files:
            file.touch()
        (self.folder / "gres.conf").write_text("".join(f"Name=gpu Type=test File={file}\n" for file in files))
        text = _CONFIGURATION.format(controller=_CONTROLLER, port=port, folder=self.folder, nodes="\n".join(lines))
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "impatient.conf").write_text(text.replace("MessageTimeout=5", "MessageTimeout=1"))

    def start_controller(self) -> None:
        """Start slurmctld, with the jobs that it had, and munged."""
        f = self.folder
        munge = (
            f"munged --foreground --force --key-file={f}/munge.key --socket={f}/run/munge.sock "
            f"--pid-file={f}/run/munged.pid --log-file={f}/log/munged.log --seed-file={f}/munge.seed"
        )
        wait = f"while ! [ -S {f}/run/munge.sock ]; do sleep 0.02; done"
        self._start(_CONTROLLER, munge, f"sh -c '{wait}; exec slurmctld -D -f {f}/slurm.conf'")

    def stop_controller(self) -> None:
        """Stop slurmctld in order, and munged: killed, it would forget jobs of the last seconds."""
        self.call("scontrol", "shutdown", "slurmctld")
        self.until(lambda: not (self.folder / "run" / "slurmctld.pid").exists())
        self.power_off()

    def boot(self, name: str, hides: str = "") -> None:
        """Start a node, as of a new boot; it may have nothing where the others have a shared folder."""
        wait = f"while ! [ -S {self.folder}/run/munge.sock ]; do sleep 0.02; done"
        self._start(name, f"sh -c '{wait}; exec slurmd -D -N {name} -f {self.folder}/slurm.conf'", hides=hides)

    @contextlib.contextmanager
    def rebooted(self, name: str, hides: str = "") -> Iterator[None]:
        """Turn a node off at once and on again, hiding a folder from it meanwhile, if one is given."""
        self._fail(name)
        try:
            if hides:
                self.boot(name, hides)
                self.until(lambda: self.states() == ["idle"] * len(self.names))
            yield
        finally:
            if hides:
                self._fail(name)
            self.boot(name)
            self.until(lambda: self.states() == ["idle"] * len(self.names))

    def _fail(self, name: str) -> None:
        self.power_off(name)
        # What slurmctld would find by itself after SlurmdTimeout, an administrator may say at once.
        self.call("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=off")

    def _start(self, name: str, *commands: str, hides: str = "") -> None:
        (self.folder / f"boot-{name}").write_text(f"{uuid.uuid4()}\n")
        spaces = ["unshare", "--mount", "--pid", "--fork", "--uts", "--kill-child", "--propagation", "private"]
        made = subprocess.Popen(
            [*spaces, sys.executable, "-S", "-E", str(_NODE), str(self.folder), name, *commands],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self.environ, "HIDES": hides},
            cwd="/",
            start_new_session=True,
        )
        assert made.stdout is not None
        assert made.stdout.readline() == b"up\n", f"{name} did not start"
        self._machines[name] = made

    def login(self) -> dict[str, object]:
        """Return the settings of a target by which the cluster is reached through its login host, with a real sshd."""
        f = self.folder
        if _LOGIN not in self._machines:
            for name in ("host_key", "id"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f / name], check=True)
            port = _free_ports(1)[0]
            options = (
                f"Port={port}", "ListenAddress=127.0.0.1", f"HostKey={f}/host_key", f"AuthorizedKeysFile={f}/id.pub",
                "PidFile=none", "StrictModes=no", "UsePAM=no", f"SetEnv=SLURM_CONF={f}/slurm.conf",
            )  # fmt: skip
            Path("/run/sshd").mkdir(exist_ok=True)
            (f / "known_hosts").write_text(f"[127.0.0.1]:{port} {(f / 'host_key.pub').read_text()}")
            lines = (
                "HostName 127.0.0.1", f"Port {port}", "User root", f"IdentityFile {f}/id", "IdentitiesOnly yes",
                f"UserKnownHostsFile {f}/known_hosts", "GlobalKnownHostsFile /dev/null",
            )  # fmt: skip
            (f / "ssh_config").write_text(f"Host {_LOGIN}\n" + "".join(f"  {line}\n" for line in lines))
            given = " ".join(f"-o {option}" for option in options)
            self._start(_LOGIN, f"{_SSHD} -D -f /dev/null -E {f}/log/sshd.log {given}")
            self.until(lambda: "Server listening" in _text(f / "log" / "sshd.log"))
        return {"host": _LOGIN, "config": str(f / "ssh_config")}

    def power_off(self, name: str = _CONTROLLER) -> None:
        """End everything on a node, or the controller, at once."""
        machine = self._machines.pop(name)
        assert machine.stdin is not None
        assert machine.stdout is not None
        machine.stdin.close()
        machine.wait(30)
        machine.stdout.close()
        if name == _CONTROLLER:
            (self.folder / "run" / "munge.sock").unlink(missing_ok=True)

    def call(self, *argv: str) -> str:
        """Run a command of Slurm and return what it prints."""
        done = subprocess.run(argv, env={**os.environ, **self.environ}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout

    def states(self) -> list[str]:
        """Return the states of the nodes; none while the controller does not answer."""
        argv = ["sinfo", "--noheader", "--Node", "--partition=main", "--format=%t"]
        done = subprocess.run(
            argv, env={**os.environ, **self.environ}, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.split()

    def jobs(self) -> list[str]:
        """Return the names of the jobs that have not ended."""
        return self.call("squeue", "--noheader", "--format=%j").split()

    def until(self, true: Callable[[], bool]) -> None:
        """Return once something is so."""
        while not true():
            for name, machine in self._machines.items():
                assert machine.poll() is None, f"{name} has ended: {self._logs()}"
            time.sleep(_PAUSE)  # each look is a process or two, and nothing tells of news

    def clear(self) -> None:
        """End all jobs that a test has left."""
        if self.jobs():
            self.call("scancel", "--user=root")
            self.until(lambda: not self.jobs())

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in (self.folder / "log").iterdir())

    def close(self) -> None:
        """End everything."""
        for name in list(self._machines):
            self.power_off(name)
        shutil.rmtree(self.folder)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in taken]


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
