"""Figures as text: median and minimum over interleaved rounds, and the ratio to a row that they are compared with."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path


def table(title: str, columns: list[str], rows: dict[str, list[list[float]]], base: str, unit: str) -> str:
    """Return a Markdown table.

    Args:
        title: heading.
        columns: names of the figures.
        rows: name → a list per figure of what each round gave.
        base: the row that the ratio of the first figure is taken to.
        unit: of all figures.
    """
    head = ["", *(f"{column}, {unit}" for column in columns), f"{columns[0]} / {base}"]
    lines = [f"### {title}", "", "median (min)", "", _row(head), _row(["---"] * len(head))]
    for name, figures in rows.items():
        cells = [f"{statistics.median(values):.1f} ({min(values):.1f})" if values else "-" for values in figures]
        pairs = zip(figures[0], rows[base][0], strict=False)
        lines.append(_row([name, *cells, f"{statistics.median([ours / its for ours, its in pairs]):.2f}"]))
    return "\n".join([*lines, ""])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def machine() -> str:
    """Return one line on where the figures come from."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores {model}, {platform.system()} {platform.release()}, {python}, load {load}"
