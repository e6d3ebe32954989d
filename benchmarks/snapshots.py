"""A look at a source folder, unchanged and new, beside ``cp -r`` of it; and what imports cost.

python benchmarks/snapshots.py --rounds 7
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from launch import project
from table import machine, table

from trainshed.client.source import take


def timed(work: Callable[[], object]) -> float:
    """Return how many ms ``work`` took."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def snapshots(rounds: int, work: Path) -> str:
    """Measure three folders."""
    rows: dict[str, list[list[float]]] = {}
    folders = {
        "500 files, 20 MB": project(work / "a", 500, 40_000, 1),
        "10,000 files, 40 MB": project(work / "b", 10_000, 4_000, 2),
    }
    time.sleep(3)  # files younger than the clock's grain are looked at again, as git does
    os.environ["AML_SNAPSHOT_NO_FILE_LIMIT"] = "1"
    for name, folder in folders.items():
        index = str(work / f"index-{folder.name}")
        take(str(folder), index).remember("0" * 64)
        columns: list[list[float]] = [[], [], []]
        for _ in range(rounds):
            columns[0].append(timed(lambda folder=folder, index=index: take(str(folder), index)))
            columns[1].append(timed(lambda folder=folder: take(str(folder), None)))
            target = work / "copy"
            columns[2].append(timed(lambda f=folder, t=target: subprocess.run(["cp", "-r", f, t], check=True)))
            shutil.rmtree(target)
        rows[f"{name}: unchanged"] = [columns[0]]
        rows[f"{name}: all hashed"] = [columns[1]]
        rows[f"{name}: cp -r"] = [columns[2]]
    return table("Snapshot", ["time"], rows, "500 files, 20 MB: cp -r", "ms")


def imports(rounds: int) -> str:
    """Measure whole processes that import and do nothing."""
    codes = {
        "bare python": "pass",
        "import trainshed": "import trainshed",
        "all that a submit imports": (
            "from trainshed import Estimator, Experiment, Workspace; import trainshed.api.training.submission, "
            "trainshed.api.training.to_spec, trainshed.client.embedded, trainshed.client.source"
        ),
        "in a script: from azureml.core import Run": "from azureml.core import Run",
    }
    rows: dict[str, list[list[float]]] = {name: [[]] for name in codes}
    with tempfile.TemporaryDirectory() as folder:
        from trainshed.service.script_tree import assemble

        tree = str(assemble(Path(folder)))
        for _ in range(rounds * 3 + 1):
            for name, code in codes.items():
                env = {**os.environ, "PYTHONPATH": tree} if name.startswith("in a script") else dict(os.environ)
                argv = [sys.executable, "-c", code]
                rows[name][0].append(timed(lambda a=argv, e=env: subprocess.run(a, env=e, check=True)))
    return table("Whole processes", ["time"], {n: [c[0][1:]] for n, c in rows.items()}, "bare python", "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        print(snapshots(options.rounds, Path(folder)))
    print(imports(options.rounds))


if __name__ == "__main__":
    main()
