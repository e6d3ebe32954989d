"""The history at size: metrics taken in and read back, runs listed.

python benchmarks/store.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from snapshots import timed
from table import machine

from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.history import History
from trainshed.store.metrics import Metrics


def best(work: Callable[[], object]) -> float:
    """Return the shortest of five times, in ms."""
    return min(timed(work) for _ in range(5))


def main() -> None:
    """Measure and print."""
    print(f"{machine()}\n\n### History\n\n| what | figure |\n| --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "h.db")
        history, metrics = History(database), Metrics(database)
        spec = RunSpec(experiment="e", script="t.py", tags={"a": "1"})
        first = timed(lambda: [history.create_run(f"r{n}", f"s{n}", spec, float(n)) for n in range(10_000)])
        print(f"| a durable submit, mean of 10,000 | {first / 10_000:.2f} ms |")
        last = timed(lambda: [history.create_run(f"x{n}", f"y{n}", spec, float(n)) for n in range(1_000)])
        print(f"| the same with 10,000 runs there | {last / 1_000:.2f} ms |")
        print(f"| 10,000 runs listed | {best(lambda: history.list_runs(limit=10_000)):.0f} ms |")
        print(f"| the next of 11,000 queued | {best(lambda: history.queued('local', 32)):.2f} ms |")
        now = time.time()
        for start in range(0, 100_000, 1000):
            events = [(n, {"k": "metric", "n": "m", "v": n / 7, "t": now}) for n in range(start, start + 1000)]
            metrics.append("r0", events, start + 1000)
        print(f"| 100,000 points read back | {best(lambda: metrics.read('r0', 'm')):.0f} ms |")
        events = [(n, {"k": "metric", "n": f"m{n % 10}", "v": n / 7, "t": now}) for n in range(100_000)]
        took = timed(lambda: metrics.append("r1", events, 100_000))
        print(f"| points taken in a second | {100_000 / took * 1000:,.0f} |")
        database.close()
    print()


if __name__ == "__main__":
    main()
