"""Run every benchmark and keep the tables: ``make bench``."""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import PACKAGES, versions

from trainshed import __version__

HERE = Path(__file__).parent


def main() -> None:
    """Run them one after the other, on a machine that should have nothing else to do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rounds = ["--rounds", str(options.rounds)]
    envs = ["--envs", str(options.envs)]
    found = ", ".join(f"{name} {version}" for name, version in versions(options.envs, list(PACKAGES)).items())
    parts = [f"# Benchmarks of {dt.date.today()}\n\ntrainshed {__version__}; {found}\n"]
    for script, extra in (
        ("launch", [*rounds, *envs]),
        ("many", rounds),
        ("metrics", [*rounds, *envs]),
        ("snapshots", rounds),
        ("store", []),
        ("sweeps", envs),
        ("sweep_overhead", envs),
        ("page", [*rounds, *envs]),
        ("ssh", rounds),
        ("pool", rounds),
        ("slurm", rounds),
        ("deploy", envs),
    ):
        done = subprocess.run(
            [sys.executable, HERE / f"{script}.py", *extra], stdout=subprocess.PIPE, text=True, check=True
        )
        print(done.stdout, flush=True)
        parts.append(f"## {script}.py\n\n{done.stdout}")
    name = f"{dt.date.today()}-{platform.system().lower()}-{platform.machine()}.md"
    (HERE / "results" / name).write_text("\n".join(parts))
    print(f"kept in benchmarks/results/{name}")


if __name__ == "__main__":
    main()
