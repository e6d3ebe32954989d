"""Microseconds that a training loop is held for each scalar it logs, beside what people would pick instead.

python benchmarks/metrics.py --rounds 7 --envs /tmp/peers
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import QUIET, python_of
from table import machine, table

HEAD = """
import sys, time
folder, count = sys.argv[1], int(sys.argv[2])
begin = time.perf_counter()
"""
TAIL = """
ready = time.perf_counter()
for i in range(count): log(i / 7)
logged = time.perf_counter()
finish()
done = time.perf_counter()
print((logged - ready) / count * 1e6, (done - ready) / count * 1e6, (ready - begin) * 1e3)
"""
# name → (environment or None for ours, scalars a round, code that defines log and finish)
TOOLS = {
    "JSON line, os.write": (None, 20000, """
import json, os
fd = os.open(folder + "/m.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def log(v): os.write(fd, (json.dumps({"name": "loss", "value": v, "time": time.time()}) + "\\n").encode())
finish = lambda: os.close(fd)
"""),
    "JSON line, line-buffered": (None, 20000, """
import json
file = open(folder + "/m.jsonl", "a", buffering=1)
def log(v): file.write(json.dumps({"name": "loss", "value": v, "time": time.time()}) + "\\n")
finish = file.close
"""),
    "trainshed": (None, 20000, """
from trainshed import Run
run = Run.get_context()
def log(v): run.log("loss", v)
finish = run.flush
"""),
    "tensorboardX": ("tensorboardX", 5000, """
from tensorboardX import SummaryWriter
writer = SummaryWriter(folder)
step = 0
def log(v):
    global step
    writer.add_scalar("loss", v, step); step += 1
finish = writer.close
"""),
    "trackio": ("trackio", 2000, """
import trackio
trackio.init(project="bench")
def log(v): trackio.log({"loss": v})
finish = trackio.finish
"""),
    "mlflow (sqlite)": ("mlflow", 300, """
import mlflow
mlflow.set_tracking_uri("sqlite:///" + folder + "/m.db")
mlflow.start_run()
def log(v): mlflow.log_metric("loss", v)
finish = mlflow.end_run
"""),
}  # fmt: skip


def measure(name: str, envs: Path) -> list[float]:
    """Log with one tool in a new process; return (µs a call, µs a scalar until all is safe, ms to get ready)."""
    environment, count, code = TOOLS[name]
    python = python_of(environment, envs) if environment else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **QUIET, "TRACKIO_DIR": folder, "HOME": folder}
        if name == "trainshed":
            from trainshed.service.script_tree import assemble

            tree = assemble(Path(folder) / "runtime")
            env.update(TRAINSHED_RUN_DIR=folder, TRAINSHED_RUN_ID="bench", PYTHONPATH=str(tree))
        argv = [str(python), "-c", HEAD + code + TAIL, folder, str(count)]
        done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return [float(value) for value in done.stdout.splitlines()[-1].split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    options = parser.parse_args()
    figures: dict[str, list[list[float]]] = {name: [[], [], []] for name in TOOLS}
    for number in range(options.rounds + 1):
        for name in TOOLS:
            for column, value in zip(figures[name], measure(name, options.envs), strict=True):
                if number:
                    column.append(value)
    print(f"{machine()}\n")
    print(
        table("One scalar (µs; to get ready: ms)", ["a call", "until safe", "ready (ms)"], figures, "trainshed", "µs")
    )


if __name__ == "__main__":
    main()
