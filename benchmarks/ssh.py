"""The script's first line on another machine: an SSH target beside ``ssh host python3 train.py`` by hand.

python benchmarks/ssh.py --rounds 9 --runs 1000

It starts an sshd of its own at a loopback port; Debian's openssh-server has it.
"""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from launch import CLIENTS, COLUMNS, STOP, measure, project
from peers import QUIET
from table import machine, table

SSHD = "/usr/sbin/sshd"
FRESH = "ssh by hand, a new connection"
OPEN = "ssh by hand, over an open ControlMaster"
_MANY = """
import sys
from trainshed import Experiment, ScriptRunConfig, SshCompute, Workspace
folder, mark, config, there, count = sys.argv[1:]
ws = Workspace.from_config()
SshCompute.attach(ws, "many", "box", config=config, folder=there, patience=29, slots=2)
script = ScriptRunConfig(folder, script="train.py", arguments=[mark], compute_target="many")
script.run_config.environment.python.user_managed_dependencies = True
script.run_config.environment.python.interpreter_path = sys.executable
experiment = Experiment(ws, "many")
for run in [experiment.submit(script) for _ in range(int(count))]:
    run.wait_for_completion()
"""
"""On a connection of its own, by its patience."""


def sshd(folder: Path) -> subprocess.Popen[bytes]:
    """Start a server, and write ``ssh_config`` for its host ``box``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("host_key", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "id.pub", folder / "authorized_keys")
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    (folder / "ssh_config").write_text(
        f"Host box\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n  IdentityFile {folder}/id\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n"
    )
    settings = (
        f"Port={port}",
        "ListenAddress=127.0.0.1",
        f"HostKey={folder}/host_key",
        f"AuthorizedKeysFile={folder}/authorized_keys",
        "StrictModes=no",
        "UsePAM=no",
        "PidFile=none",
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    options = [word for setting in settings for word in ("-o", setting)]
    server = subprocess.Popen([SSHD, "-D", "-f", "/dev/null", "-E", folder / "log", *options])
    while True:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.01)


def commands(work: Path) -> dict[str, Callable[[Path, Path], list[str]]]:
    """Return how each row starts the script."""
    ssh = ["ssh", "-F", str(work / "ssh_config")]
    ours = [sys.executable, str(CLIENTS / "trainshed_client.py")]

    def by_hand(*options: str) -> Callable[[Path, Path], list[str]]:
        return lambda folder, mark: [*ssh, *options, "box", f"{sys.executable} {folder}/train.py {mark}"]

    return {
        "bare python, here": lambda folder, mark: [sys.executable, str(folder / "train.py"), str(mark)],
        FRESH: by_hand("-o", "ControlPath=none"),
        OPEN: by_hand("-S", str(work / "master")),
        "trainshed, a warm ssh target": lambda folder, mark: [*ours, str(folder), str(mark), "box"],
    }


def measured(rounds: int, work: Path, env: dict[str, str]) -> str:
    """Measure all rows in turn, so many times."""
    folder, mark = project(work / "trivial", 0, 0, 0), work / "mark"
    time.sleep(3)  # files younger than the clock's grain would be hashed again
    figures: dict[str, list[list[float]]] = {}
    for number in range(rounds + 1):
        for name, command in commands(work).items():
            times = measure(command(folder, mark), mark, env, work)
            if number:
                for column, value in zip(figures.setdefault(name, [[], [], []]), times, strict=True):
                    column.append(value)
            time.sleep(0.3)
    return table("A trivial script on a host over SSH", COLUMNS, figures, OPEN, "ms")


def logins(work: Path) -> int:
    """Return how often somebody has logged in."""
    return (work / "log").read_text().count("Accepted publickey")


def many(count: int, work: Path, env: dict[str, str]) -> str:
    """Attach a target, run so many runs there, and count the logins that it takes."""
    before, began = logins(work), time.monotonic()
    places = [work / "trivial", work / "mark", work / "ssh_config", work / "there-2"]
    subprocess.run([sys.executable, "-c", _MANY, *places, str(count)], env=env, check=True, cwd=work)
    seconds = time.monotonic() - began
    return f"{count} runs, two at a time: {seconds:.0f} s, logins in sshd's log: {logins(work) - before}\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runs", type=int, default=1000, help="whose logins are counted; 0 leaves that out")
    options = parser.parse_args()
    if shutil.which("ssh") is None or not Path(SSHD).exists():
        print("No ssh with sshd here: not measured.\n")
        return
    with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        env = {**os.environ, **QUIET, "TRAINSHED_HOME": str(work / "home")}
        server = sshd(work)
        master = ["ssh", "-F", str(work / "ssh_config"), "-S", str(work / "master")]
        target = [sys.executable, "-m", "trainshed.cli.main", "target", "add", "box", "box", "--config"]
        try:
            subprocess.run([*master, "-fNM", "box"], check=True)
            there = [str(work / "ssh_config"), "--folder", str(work / "there")]
            subprocess.run([*target, *there], env=env, check=True, stdout=subprocess.DEVNULL)
            print(f"{machine()}\n\n{measured(options.rounds, work, env)}", flush=True)
            if options.runs:
                print(many(options.runs, work, env), flush=True)
        finally:
            subprocess.run(STOP, env=env, check=False, capture_output=True)
            subprocess.run([*master, "-O", "exit", "box"], check=False, capture_output=True)
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
