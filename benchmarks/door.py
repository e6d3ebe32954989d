"""What goes through the service's door: a followed log, a download, an upload; and what an interactive run logs.

python benchmarks/door.py --rounds 5
python benchmarks/door.py --against ../other/checkout/src    # the same client code over another version, in turn
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from table import machine, table

COLUMNS = ["1 GB log, followed", "1 GB downloaded", "500 MB uploaded", "1,000 metrics (ms)"]
CLIENT = Path(__file__).parent / "clients" / "door_client.py"


def measure(source: Path, home: Path, work: Path) -> list[float]:
    """Run the client over one version of the package, with a service of its own; return its figures in ms."""
    env = {**os.environ, "PYTHONPATH": str(source), "TRAINSHED_HOME": str(home)}
    argv = [sys.executable, str(CLIENT), str(work)]
    done = subprocess.run(argv, env=env, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{argv} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="src folder of another checkout, measured in turn with this one")
    options = parser.parse_args()
    versions = {"trainshed": Path(__file__).parents[1] / "src"}
    if options.against:
        versions["before"] = options.against.resolve()
    figures: dict[str, list[list[float]]] = {name: [[] for _ in COLUMNS] for name in versions}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number in range(options.rounds + 1):
            for name, source in versions.items():
                home = Path(folder) / name
                for column, value in zip(figures[name], measure(source, home, Path(folder)), strict=True):
                    if number:
                        column.append(value)
    print(f"{machine()}\n")
    print(table("Through the service's door (ms)", COLUMNS, figures, "trainshed", "ms"))
    for name, columns in figures.items():
        rates = ", ".join(f"{1e6 / statistics.median(values):,.0f} MB/s" for values in columns[:2])
        print(f"{name}: {rates}")


if __name__ == "__main__":
    main()
