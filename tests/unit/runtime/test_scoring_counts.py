"""Counts of a web service's requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from trainshed.runtime.scoring_counts import Counts

ROOT = Path(__file__).parents[3]


def test_the_processes_of_a_service_add_up(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "requests"))
    assert counts.told()["per_second"] == 0
    assert "ms_50" not in counts.told()
    for number in range(100):
        counts.add(0.001 if number < 60 else 0.1, failed=number == 0)
    code = "import sys; from trainshed.runtime.scoring_counts import Counts; Counts(sys.argv[1]).add(2.0, True)"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "requests")], env=env, check=True)
    (tmp_path / "requests" / "other").write_text("no counts")
    told = counts.told()
    assert (told["requests"], told["failed"]) == (101, 2)
    assert abs(told["ms_50"] - 1.0) < 0.1
    assert abs(told["ms_90"] - 100) < 9
    assert abs(told["ms_99"] - 100) < 9
    assert told["per_second"] > 0
    assert told["cpu"] > 0
    assert told["memory"] > 1 << 20


def test_any_time_can_be_counted(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path))
    for seconds in (0.0, 1e-9, 1e9):
        counts.add(seconds)
    assert counts.told()["requests"] == 3
