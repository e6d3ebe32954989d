"""The script's first line in a job of Slurm: a Slurm target beside ``sbatch`` by hand.

python benchmarks/slurm.py --rounds 9

It starts a Slurm of its own, with one node, as the tests do (tests/support/slurm_cluster.py): as root, with Debian's
slurm-wlm and munge. Its scheduler looks at once, so that what is measured is not the cadence of a scheduler.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from launch import CLIENTS, COLUMNS, STOP, measure, project
from peers import QUIET
from table import machine, table

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import slurm_cluster

BY_HAND = "sbatch by hand"
ATTACH = (
    "from trainshed import SlurmCompute, Workspace; SlurmCompute.attach(Workspace.from_config(), 'cluster', 'main')"
)


def commands() -> dict[str, Callable[[Path, Path], list[str]]]:
    """Return how each row starts the script."""
    ours = [sys.executable, str(CLIENTS / "trainshed_client.py")]
    sbatch = ["sbatch", "--wait", "--quiet", "--output=/dev/null"]
    return {
        "bare python, here": lambda folder, mark: [sys.executable, str(folder / "train.py"), str(mark)],
        BY_HAND: lambda folder, mark: [*sbatch, f"--wrap=exec {sys.executable} {folder}/train.py {mark}"],
        "trainshed, a Slurm target": lambda folder, mark: [*ours, str(folder), str(mark), "cluster"],
    }


def measured(rounds: int, work: Path, env: dict[str, str]) -> str:
    """Measure all rows in turn, so many times."""
    folder, mark = project(work / "trivial", 0, 0, 0), work / "mark"
    time.sleep(3)  # files younger than the clock's grain would be hashed again
    figures: dict[str, list[list[float]]] = {}
    for number in range(rounds + 1):
        for name, command in commands().items():
            times = measure(command(folder, mark), mark, env, work)
            if number:
                for column, value in zip(figures.setdefault(name, [[], [], []]), times, strict=True):
                    column.append(value)
            time.sleep(1)  # the node is idle again
    return table("A trivial script in a job of Slurm", COLUMNS, figures, BY_HAND, "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if why_not := slurm_cluster.why_not():
        print(f"Not measured: {why_not}.\n")
        return
    with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as folder:
        work, cluster = Path(folder), slurm_cluster.SlurmCluster(1)
        env = {**os.environ, **QUIET, **cluster.environ, "TRAINSHED_HOME": str(work / "home")}
        try:
            subprocess.run([sys.executable, "-c", ATTACH], env=env, check=True)
            print(f"{machine()}\n\n{measured(options.rounds, work, env)}", flush=True)
        finally:
            subprocess.run(STOP, env=env, check=False, capture_output=True)
            cluster.close()


if __name__ == "__main__":
    main()
