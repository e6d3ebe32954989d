"""A script in jobs of Slurm, beside ``sbatch`` and ``mpirun`` by hand: its first line, two ranks, many runs.

python benchmarks/slurm.py --rounds 9 --array 1000 --envs /tmp/peers

It starts a Slurm of its own, with two nodes, as the tests do (tests/support/slurm_cluster.py): as root, with Debian's
slurm-wlm and munge. slurmctld starts no batch job when it is submitted (in its job_allocate(), allocate is 0 for them),
but at the next look of its main loop or of its backfill scheduler, and each of them looks once a second. So a job waits
up to a second, whoever submits it. Each job's wait, as slurmctld's log has it, is a column of its own, and so is the
first line without it. Lest chance decide, each row's clients start at the same moments between two looks, spread
evenly over the second. torchx cannot tell the end of a job without accounting, which this Slurm has not: of
it, the first line alone says something.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from launch import CLIENTS, COLUMNS, STOP, measure, project
from many import mpirun
from peers import QUIET, python_of
from table import machine, table

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import slurm_cluster

BY_HAND = "sbatch by hand"
MPIRUN = "mpirun in sbatch, by hand"
SBATCH = ["sbatch", "--wait", "--quiet", "--output=/dev/null"]
ATTACH = (
    "from trainshed import SlurmCompute, Workspace; SlurmCompute.attach(Workspace.from_config(), 'cluster', 'main')"
)


SLURM_COLUMNS = ["first line", "the scheduler's wait", "first line without it", *COLUMNS[1:]]
_SUBMITTED = re.compile(r"^\[(\S+)\] _slurm_rpc_submit_batch_job: JobId=", re.M)
_STARTED = re.compile(r"^\[(\S+)\] sched(?:: Allocate|/backfill: _start_job: Started) JobId=", re.M)
Rows = dict[str, Callable[[Path, Path], list[str]]]
SLURM_CLIENT = str(CLIENTS / "trainshed_slurm_client.py")


def commands(envs: Path, peers: list[str]) -> Rows:
    """Return how each row starts the script."""
    ours = [sys.executable, str(CLIENTS / "trainshed_client.py")]
    rows: Rows = {
        "bare python, here": lambda folder, mark: [sys.executable, str(folder / "train.py"), str(mark)],
        BY_HAND: lambda folder, mark: [*SBATCH, f"--wrap=exec {sys.executable} {folder}/train.py {mark}"],
        "trainshed, a Slurm target": lambda folder, mark: [*ours, str(folder), str(mark), "cluster"],
    }
    for name in peers:
        start = [str(python_of(name, envs)), str(CLIENTS / f"{name}_client.py")]
        rows[name] = lambda folder, mark, start=start: [*start, str(folder), str(mark), "slurm"]
    return rows


def of_ranks(work: Path) -> Rows:
    """Return how each row starts two ranks of Open MPI on two nodes."""
    starter = Path(mpirun(work))
    python = starter.with_name("python")
    if not python.exists():
        python = Path(sys.executable)
    line = f"exec {starter} -n 2 --map-by node --allow-run-as-root {python}"
    nodes = [*SBATCH, "--nodes=2", "--ntasks-per-node=1"]
    return {
        MPIRUN: lambda folder, mark: [*nodes, f"--wrap={line} {folder}/train.py {mark}"],
        "trainshed, node_count=2": lambda folder, mark: [
            sys.executable, SLURM_CLIENT, str(folder), str(mark), str(python), "nodes",
        ],
    }  # fmt: skip


def waited(log: Path, since: int) -> float:
    """Return for how many ms a job has waited that was submitted and started since a place in slurmctld's log."""
    with log.open() as file:
        file.seek(since)
        text = file.read()
    submitted, started = _SUBMITTED.search(text), _STARTED.search(text)
    if submitted is None or started is None:
        return 0.0  # no job
    moments = (datetime.fromisoformat(found[1]) for found in (submitted, started))
    begin, end = (moment.timestamp() for moment in moments)
    return 1000 * (end - begin)


def between_looks(log: Path, moment: float) -> None:
    """Pause until the node is idle, and so much of a second has passed since one of slurmctld's looks."""
    looks = _STARTED.findall(log.read_text())
    last = datetime.fromisoformat(looks[-1]).timestamp() if looks else time.time()
    time.sleep(1 + (moment - (time.time() - last)) % 1)


def measured(title: str, rows: Rows, base: str, rounds: int, work: Path, env: dict[str, str], log: Path) -> str:
    """Measure all rows in turn, so many times."""
    folder, mark = work / "trivial", work / "mark"
    figures: dict[str, list[list[float]]] = {}
    failed: dict[str, str] = {}
    moments = [(number + 0.5) / rounds for number in range(rounds)]
    random.shuffle(moments)
    for number in range(rounds + 1):
        for name, command in rows.items():
            if name in failed:
                continue
            between_looks(log, moments[number - 1])
            since = log.stat().st_size
            try:
                first, *others = measure(command(folder, mark), mark, env, work)
            except SystemExit as error:
                if name == base or "trainshed" in name:
                    raise
                failed[name] = str(error).strip().splitlines()[-1]
                continue
            wait = waited(log, since)
            times = (first, wait, first - wait, *others)
            if number:
                for column, value in zip(figures.setdefault(name, [[] for _ in times]), times, strict=True):
                    column.append(value)
    said = "".join(f"{name}: not measured: {why}\n" for name, why in failed.items())
    return f"{table(title, SLURM_COLUMNS, figures, base, 'ms')}\n{said}"


def many(count: int, work: Path, env: dict[str, str]) -> str:
    """Measure so many runs once, beside an array by hand."""
    folder, mark = work / "trivial", work / "mark"
    wrapped = f"--wrap=exec {sys.executable} {folder}/train.py {mark}"
    rows = {
        f"sbatch --array=0-{count - 1}": [*SBATCH, f"--array=0-{count - 1}", wrapped],
        "trainshed": [sys.executable, SLURM_CLIENT, str(folder), str(mark), sys.executable, str(count)],
    }
    lines = [f"### {count} runs", "", "| | all submitted, s | the last has ended, s | seen by the client, s |"]
    lines += ["| --- | --- | --- | --- |"]
    for name, argv in rows.items():
        mark.unlink(missing_ok=True)
        began = time.time()
        done = subprocess.run(argv, env=env, cwd=work, capture_output=True, text=True, check=False)
        gone = time.time()
        marks = [line.split() for line in mark.read_text().splitlines()] if mark.exists() else []
        ended = [float(value) for word, value in marks if word == "last"]
        if done.returncode or len(ended) != count:
            raise SystemExit(f"{name}: {len(ended)} of {count} have ended:\n{done.stderr[-2000:]}")
        said = dict(marks)
        submitted = f"{float(said['submitted']) - began:.1f}" if "submitted" in said else "-"
        lines.append(
            f"| {name} | {submitted} | {max(ended) - began:.1f} | {float(said.get('seen', gone)) - began:.1f} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--array", type=int, default=1000, help="how many runs; 0 leaves that out")
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--peers", nargs="*", default=["submitit", "psij", "torchx"], help="beside these")
    options = parser.parse_args()
    if why_not := slurm_cluster.why_not():
        print(f"Not measured: {why_not}.\n")
        return
    with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as folder:
        work, cluster = Path(folder), slurm_cluster.SlurmCluster(2)
        env = {**os.environ, **QUIET, **cluster.environ, "TRAINSHED_HOME": str(work / "home")}
        try:
            subprocess.run([sys.executable, "-c", ATTACH], env=env, check=True)
            project(work / "trivial", 0, 0, 0)
            time.sleep(3)  # files younger than the clock's grain would be hashed again
            print(f"{machine()}\n", flush=True)
            log, rounds = cluster.folder / "log" / "slurmctld.log", options.rounds
            rows = commands(options.envs, options.peers)
            print(measured("A trivial script in a job of Slurm", rows, BY_HAND, rounds, work, env, log), flush=True)
            title = "Two ranks of Open MPI on two nodes"
            print(measured(title, of_ranks(work), MPIRUN, rounds, work, env, log), flush=True)
            if options.array:
                print(many(options.array, work, env), flush=True)
        finally:
            subprocess.run(STOP, env=env, check=False, capture_output=True)
            cluster.close()


if __name__ == "__main__":
    main()
