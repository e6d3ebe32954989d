"""Client start → the script's first line → its end seen by the client, beside what people would pick instead.

python benchmarks/launch.py --rounds 9 --envs /tmp/peers
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from peers import QUIET, python_of
from table import machine, table

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
COLUMNS = ["first line", "end seen after it", "client gone"]
COLD = "trainshed, service not running"
STOP = [sys.executable, "-m", "trainshed.cli.main", "service", "stop"]
_MEMORY = 400 << 20
_PAGE = 4096
Command = Callable[[Path, Path], "list[str]"]


def project(folder: Path, files: int, size: int, seed: int) -> Path:
    """Write a project of ``files`` files of ``size`` bytes beside the script."""
    source = random.Random(seed)
    for number in range(files):
        path = folder / f"package_{number % 50}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(size))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text((CLIENTS / "train.py").read_text())
    (folder / "MLproject").write_text("name: p\nentry_points:\n  main:\n    command: python train.py $MARK\n")
    return folder


def commands(envs: Path, names: list[str]) -> dict[str, Command]:
    """Return how each peer is told to run the project."""
    ours = [sys.executable, str(CLIENTS / "trainshed_client.py")]
    made: dict[str, Command] = {
        "bare python": lambda folder, mark: [sys.executable, str(folder / "train.py"), str(mark)],
        "trainshed": lambda folder, mark: [*ours, str(folder), str(mark)],
        COLD: lambda folder, mark: [*ours, str(folder), str(mark)],
    }
    scripts = {name: [str(python_of(name, envs)), str(CLIENTS / f"{name}_client.py")] for name in ("psij", "submitit")}
    for name, start in scripts.items():
        made[name] = lambda folder, mark, start=start: [*start, str(folder), str(mark)]
    torchx, mlflow = python_of("torchx", envs), python_of("mlflow", envs)
    made["torchx"] = lambda folder, mark: [
        str(torchx.parent / "torchx"), "run", "-s", "local_cwd", "--wait", "utils.sh",
        str(torchx), str(folder / "train.py"), str(mark),
    ]  # fmt: skip
    made["mlflow run"] = lambda folder, _: [str(mlflow.parent / "mlflow"), "run", str(folder), "--env-manager", "local"]
    return {name: made[name] for name in names or made}


def touch_memory() -> None:
    """Have free memory at hand: a virtual machine may have given it back to its host, who takes 4 µs a page.

    That is 80 ms for 20 MB that are read, hashed, written and copied, and says nothing about who does it.
    """
    memory = bytearray(_MEMORY)
    memory[::_PAGE] = b"x" * len(memory[::_PAGE])


def measure(argv: list[str], mark: Path, env: dict[str, str], cwd: Path) -> list[float]:
    """Run a client once; return (first line, end seen after the script's last, client gone) in ms."""
    mark.unlink(missing_ok=True)
    # As on any user's machine, Python keeps what it has compiled.
    env = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    touch_memory()
    begin = time.time()
    done = subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    gone = time.time()
    marks = dict(line.split() for line in mark.read_text().splitlines()) if mark.exists() else {}
    if done.returncode or "last" not in marks:
        raise SystemExit(f"{argv} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    seen = float(marks.get("seen", gone))
    times = (float(marks["first"]) - begin, seen - float(marks["last"]), gone - begin)
    return [1000 * value for value in times]


def rounds(title: str, make: Callable[[int], Path], options: argparse.Namespace, work: Path) -> str:
    """Measure all peers in turn, ``options.rounds`` times."""
    env = {**os.environ, **QUIET, "TRAINSHED_HOME": str(work / "home")}
    env["MLFLOW_TRACKING_URI"] = f"sqlite:///{work}/mlflow.db"
    figures: dict[str, list[list[float]]] = {}
    for number in range(options.rounds + 1):
        folder = make(number)
        for name, command in commands(options.envs, options.only).items():
            mark = work / "mark"
            where = {**env, "MARK": str(mark)}
            path = Path(command(folder, mark)[0]).parent
            where["PATH"] = f"{path}{os.pathsep}{env['PATH']}"
            if name == COLD and folder.name != "trivial":
                continue  # the row above has sent this folder by now
            if name == COLD:
                subprocess.run(STOP, env=env, check=False, capture_output=True)
            times = measure(command(folder, mark), mark, where, work)
            # The first round warms caches, ours and theirs; a pause lets everyone's helpers settle.
            if number:
                for column, value in zip(figures.setdefault(name, [[], [], []]), times, strict=True):
                    column.append(value)
            time.sleep(0.3)
    return table(title, COLUMNS, figures, "bare python", "ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--only", nargs="*", default=[], help="these rows only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        print(f"{machine()}\n")
        trivial = project(work / "trivial", 0, 0, 0)
        large = project(work / "large", 500, 40_000, 1)
        new = [project(work / f"fresh-{number}", 500, 40_000, 100 + number) for number in range(options.rounds + 1)]
        # Files younger than the clock's grain are hashed again, as git does; these are not meant to be. And a project
        # has long been written to the disk when it is submitted: nobody's flush is to wait for its making.
        os.sync()
        time.sleep(3)
        print(rounds("Trivial project", lambda _: trivial, options, work), flush=True)
        print(rounds("500 files, 20 MB, unchanged since the last submit", lambda _: large, options, work), flush=True)
        print(rounds("500 files, 20 MB, all of them new", new.__getitem__, options, work), flush=True)
        env = {**os.environ, "TRAINSHED_HOME": str(work / "home")}
        subprocess.run(STOP, env=env, check=False, capture_output=True)


if __name__ == "__main__":
    main()
