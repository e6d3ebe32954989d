"""``trainshed verify``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from trainshed.cli import resolve, show
from trainshed.cli.removal import lines_of

_QUIET_SECONDS = 1.0
_SHOWN_RUNS = 5
_WORDS = {"output": "file", "snapshot": "snapshot", "pack": "snapshot", "database": "database"}


def verify(options: argparse.Namespace) -> int:
    """Check that everything kept is as it was stored, and print what is not.

    Returns:
        The exit code: 1 if something is damaged.
    """
    where = resolve.workspace(options)
    runs = [resolve.named(where, name).id for name in options.run_names]
    part, parts = options.subset
    query = {"runs": ",".join(runs), "part": part, "parts": parts}
    last, damaged = _read(lines_of(where.connection.stream("GET", "/verify", query)))
    if options.json:
        show.as_json({"damaged": damaged, "checked": last["checked"], "bytes": last["done"]})
        return int(bool(damaged))
    for each in damaged:
        print(show.clean(_sentence(each)))
    counts = ", ".join(f"{kind} {number}" for kind, number in last["checked"].items() if kind != "database")
    print(f"checked the database, {counts}: {show.size(last['done'])} read, {len(damaged) or 'nothing'} damaged")
    return int(bool(damaged))


def _sentence(damage: dict[str, Any]) -> str:
    kind, runs = damage["kind"], damage["runs"]
    shown = f"{_WORDS.get(kind, kind)} {damage['name']}: {damage['problem']}"
    if not runs:
        return shown
    more = f" and {len(runs) - _SHOWN_RUNS} more" if len(runs) > _SHOWN_RUNS else ""
    return f"{shown} (run {', '.join(runs[:_SHOWN_RUNS])}{more})"


def _read(records: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the last record and all damage; on a terminal, show progress if it takes long."""
    began, printed, last, damaged = time.monotonic(), False, {"done": 0, "checked": {}}, []
    for record in records:
        if "damage" in record:
            damaged.append(record["damage"])
            continue
        last = record
        if sys.stderr.isatty() and time.monotonic() - began > _QUIET_SECONDS:
            printed = True
            text = f"{show.size(record['done'])} of {show.size(record['total'])}"
            print(f"\r{text:<24}", end="", file=sys.stderr, flush=True)
    if printed:
        print(file=sys.stderr)
    return last, damaged
