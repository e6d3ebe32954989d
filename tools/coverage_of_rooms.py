"""Tell how much of each room the tests ran, from the data that the last run left; fail below a floor.

    python tools/coverage_of_rooms.py 60

What runs in processes of its own is not counted by ``make test``; ``make coverage`` counts the service and scripts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path


def rooms() -> dict[str, tuple[int, int]]:
    """Return (lines that ran, all lines) by room."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(told)], check=True)
        files = json.loads(told.read_text())["files"]
    counted: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, file in files.items():
        before, found, inner = name.rpartition("src/trainshed/")
        if not found or before:
            continue  # a copy on a node, or in a run
        room = inner.partition("/")[0] if "/" in inner else "(top)"
        ran, lines = counted[room]
        counted[room] = ran + file["summary"]["covered_lines"], lines + file["summary"]["num_statements"]
    return counted


def main(floor: float) -> int:
    """Print a line a room and one for all; return an exit status."""
    counted = rooms()
    for room, (ran, lines) in sorted(counted.items()):
        print(f"  {room:<14}{lines:>6} lines {100 * ran / max(lines, 1):>5.0f} %")
    ran, lines = (sum(column) for column in zip(*counted.values(), strict=True))
    print(f"Coverage: {100 * ran / lines:.1f} % of {lines} lines (at least {floor:g} % is asked for)")
    return int(100 * ran / lines < floor)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
