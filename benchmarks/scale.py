"""What a poll, an idle run, a metric and a run in the history cost: CPU time, which a busy machine changes little.

python benchmarks/scale.py --idle 40 --runs 1000000

``docs/scale.md`` says what follows from the figures.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from table import machine

from trainshed.client.embedded import running
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.targets.slurm_states import of_squeue

_ROWS = 1000
_SECONDS = 20
SUBMIT = """
import sys
from trainshed import Experiment, ScriptRunConfig, Workspace
target, count = sys.argv[2], int(sys.argv[3])
config = ScriptRunConfig(sys.argv[1], script="idle.py", compute_target=target)
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.executable
ws = Workspace.from_config()
experiment = Experiment(ws, "idle")
runs = [experiment.submit(config) for _ in range(count)]
for run in runs:
    while run.get_status() != "Running":
        ws.connection.call("GET", f"/runs/{run.id}/wait", query={"timeout": 1})
"""


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU time that something takes in this process, in ms: the shortest of three."""
    found = []
    for _ in range(3):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return min(found)


def used(pids: list[int]) -> float:
    """Return the CPU time that processes have used, in seconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Return the memory of a process, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def idle_runs(work: Path, count: int) -> None:
    """Measure the service while so many runs do nothing, on this machine and on one behind an agent."""
    root, project = work / "home" / "workspaces" / "default", work / "project"
    project.mkdir()
    (project / "idle.py").write_text("import time\ntime.sleep(100000)\n")
    env = {**os.environ, "TRAINSHED_HOME": str(work / "home"), "TRAINSHED_WORKSPACE": str(root)}
    os.environ.update(env)
    from trainshed import Workspace

    connection = Workspace.from_config().connection
    connection.call("PUT", "/targets/local", {"slots": 10_000})
    there = {"kind": "remote", "connect": ["env", f"TRAINSHED_HOME={work}/there", "sh", "-c"], "slots": 10_000}
    connection.call("PUT", "/targets/there", there)
    pid = connection.call("GET", "/service")["pid"]
    try:
        before = resident(pid)
        for target in ("local", "there"):
            subprocess.run([sys.executable, "-c", SUBMIT, str(project), target, str(count)], env=env, check=True)
            time.sleep(3)
            tasks = Path(f"/proc/{pid}/task").glob("*/children")  # children are those of a thread
            children = " ".join(task.read_text() for task in tasks).split()
            agents = [int(each) for each in children if b"serve.py" in Path(f"/proc/{each}/cmdline").read_bytes()]
            if target == "there" and not agents:
                raise SystemExit("The agent was not found among the children of the service.")
            first = used([pid, *agents])
            time.sleep(_SECONDS)
            took = 1000 * (used([pid, *agents]) - first) / _SECONDS / count
            print(
                f"| an idle run on target '{target}', of {count}: service and agent | {took:.2f} ms of CPU a second |"
            )
            for run in connection.call("GET", "/runs", query={"limit": 10_000})["runs"]:
                if run["status"] == "Running":
                    connection.call("POST", f"/runs/{run['id']}/cancel")
            while connection.call("GET", f"/targets/{target}")["used"]:
                time.sleep(0.5)
        print(f"| memory of the service after {2 * count} runs, before any | {resident(pid):.0f} MB, {before:.0f} MB |")
    finally:
        for run in connection.call("GET", "/runs", query={"limit": 10_000})["runs"]:
            if run["status"] not in ("Completed", "Failed", "Canceled"):
                connection.call("POST", f"/runs/{run['id']}/cancel")
        while any(connection.call("GET", f"/targets/{target}")["used"] for target in ("local", "there")):
            time.sleep(0.5)
        if (left := running(str(root))) is not None:
            left.call("POST", "/service/stop")


def history(folder: Path, count: int) -> None:
    """Measure a history of so many runs."""
    path = folder / "h.db"
    with closing(Database(path)) as database:
        runs, metrics = History(database), Metrics(database)
        spec = RunSpec(experiment="e", script="train.py", arguments=("--lr", "0.1"), tags={"a": "1"})
        began = time.process_time()
        for number in range(_ROWS):
            runs.create_run(f"r{number}", f"s{number}", spec, float(number))
        print(f"| a submit stored, on the disk | {1000 * (time.process_time() - began) / _ROWS:.2f} ms of CPU |")
        now, size = time.time(), path.stat().st_size
        points = [(n, {"k": "metric", "n": f"m{n % 10}", "v": n / 7, "t": now}) for n in range(100_000)]
        began = time.process_time()
        metrics.append("r0", points, 100_000)
        took = 1e6 * (time.process_time() - began) / len(points)
        grown = (path.stat().st_size + Path(f"{path}-wal").stat().st_size - size) / len(points)
        print(f"| a metric stored | {took:.1f} µs of CPU, {grown:.0f} bytes at most |")
    import sqlite3

    with closing(sqlite3.connect(path)) as raw:
        columns = [row[1] for row in raw.execute("PRAGMA table_info(runs)")]
        new = {
            "seq": "NULL",
            "id": "id || '-' || :n",
            "submit_id": "submit_id || '-' || :n",
            "number": "number + :n * :rows",
        }
        new |= {"status": "'Completed'", "terminal": "1", "ended": "created + 1"}
        chosen = ", ".join(new.get(name, name) for name in columns)
        for number in range(1, count // _ROWS):
            raw.execute(f"INSERT INTO runs SELECT {chosen} FROM runs WHERE seq <= :rows", {"n": number, "rows": _ROWS})
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(Database(path)) as database:
        runs = History(database)
        print(f"| {count:,} runs in the history: its size | {path.stat().st_size / 1e6:.0f} MB |")
        print(f"| the newest 100 of them listed | {cpu(lambda: runs.list_runs(limit=100)):.1f} ms of CPU |")
        print(f"| the next of the queue among them | {cpu(lambda: runs.queued('local', 32)):.2f} ms of CPU |")
        print(f"| all that are active found at a start | {cpu(runs.active):.1f} ms of CPU |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=40, help="runs that do nothing")
    parser.add_argument("--runs", type=int, default=1_000_000, help="runs in the history")
    options = parser.parse_args()
    print(f"{machine()}\n\n### At scale\n\n| what | figure |\n| --- | --- |", flush=True)
    jobs = "".join(f"{n}|PENDING|Priority|N/A||run_{n}.1\n" for n in range(10_000))
    print(f"| the answer of squeue with 10,000 jobs read | {cpu(lambda: of_squeue(jobs)):.0f} ms of CPU |")
    with tempfile.TemporaryDirectory(prefix="b-", ignore_cleanup_errors=True) as folder:
        history(Path(folder), options.runs)
        idle_runs(Path(folder), options.idle)
    print()


if __name__ == "__main__":
    main()
