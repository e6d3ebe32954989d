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
import uuid
from collections.abc import Callable
from pathlib import Path

_TOOLS = ("sbatch", "slurmctld", "slurmd", "munged", "unshare", "mount", "hostname")
_NODE = Path(__file__).with_name("slurm_node.py")
_CONTROLLER = "controller"
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
SlurmdTimeout=5
MessageTimeout=5
BatchStartTimeout=5
KillWait=5
EnforcePartLimits=ALL
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1,bf_resolution=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=short Nodes=ALL MaxTime=10 State=UP PriorityTier=1
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
        hides: a folder that its nodes do not share.

    Attributes:
        environ: by which the commands of Slurm find it.
    """

    def __init__(self, nodes: int = 2, cpus: int = 4, gpus: int = 0, hides: str = "") -> None:
        # A short path: that of a socket has a hundred characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.environ = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self._hides = hides
        self._machines: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("state", "spool", "log", "run", "gpus", *(f"spool/{node}" for node in self.names)):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").touch(mode=0o600)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        hosts = " ".join(["localhost", _CONTROLLER, *self.names])
        (self.folder / "hosts").write_text(f"127.0.0.1 {hosts}\n")
        self._configure(cpus, gpus)
        self.start_controller()
        for name in self.names:
            self.boot(name)
        self.until(lambda: self.states() == ["idle"] * nodes)

    def _configure(self, cpus: int, gpus: int) -> None:
        with contextlib.ExitStack() as held:
            taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in (_CONTROLLER, *self.names)]
            port, *ports = [each.getsockname()[1] for each in taken]
        given = f" Gres=gpu:test:{gpus}" if gpus else ""
        lines = [
            f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={own} CPUs={cpus} RealMemory=2000{given}"
            for name, own in zip(self.names, ports, strict=True)
        ]
        files = [self.folder / "gpus" / f"gpu{number}" for number in range(gpus)]
        for file in files:
            file.touch()
        (self.folder / "gres.conf").write_text("".join(f"Name=gpu Type=test File={file}\n" for file in files))
        text = _CONFIGURATION.format(controller=_CONTROLLER, port=port, folder=self.folder, nodes="\n".join(lines))
        (self.folder / "slurm.conf").write_text(text)

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

    def boot(self, name: str) -> None:
        """Start a node, as of a new boot."""
        wait = f"while ! [ -S {self.folder}/run/munge.sock ]; do sleep 0.02; done"
        self._start(name, f"sh -c '{wait}; exec slurmd -D -N {name} -f {self.folder}/slurm.conf'")

    def _start(self, name: str, *commands: str) -> None:
        (self.folder / f"boot-{name}").write_text(f"{uuid.uuid4()}\n")
        spaces = ["unshare", "--mount", "--pid", "--fork", "--uts", "--kill-child", "--propagation", "private"]
        made = subprocess.Popen(
            [*spaces, sys.executable, "-S", "-E", str(_NODE), str(self.folder), name, *commands],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self.environ, "HIDES": "" if name == _CONTROLLER else self._hides},
            cwd="/",
            start_new_session=True,
        )
        assert made.stdout is not None
        assert made.stdout.readline() == b"up\n", f"{name} did not start"
        self._machines[name] = made

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

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in (self.folder / "log").iterdir())

    def close(self) -> None:
        """End everything."""
        for name in list(self._machines):
            self.power_off(name)
        shutil.rmtree(self.folder)
