"""``trainshed rm`` and ``gc``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from trainshed.cli import resolve, show
from trainshed.client.cache import prune
from trainshed.client.http import quoted
from trainshed.errors import named

_QUIET_SECONDS = 1.0


def rm(options: argparse.Namespace) -> int:
    """Remove runs that have ended."""
    where = resolve.workspace(options)
    # All names are resolved before the first run is removed, so a mistyped name removes nothing.
    runs = {run.id: run for run in (resolve.named(where, name) for name in options.run_names)}
    removed: list[str] = []
    # Children, which are newer than their parents, are removed first.
    for run in sorted(runs.values(), key=lambda run: -int(run.record()["seq"])):
        query = {"children": int(options.children)}
        removed += where.connection.call("DELETE", quoted("runs", run.id), query=query)["removed"]
        if not options.json:
            print(f"removed {run.id}")
    if options.json:
        show.as_json(removed)
    return 0


def gc(options: argparse.Namespace) -> int:
    """Remove files that no run needs, and print what was freed.

    Returns:
        The exit code: 1 if something could not be deleted.
    """
    query = {
        "dry_run": int(options.dry_run),
        "runs_older_than_days": options.runs_older_than,
        "keep_runs": options.keep_runs,
        "unused_days": options.unused_for,
        "downloads": int(options.downloads),
    }
    connection = resolve.workspace(options).connection
    gone = list(_with_progress(lines_of(connection.stream("POST", "/gc", query))))
    own = prune(options.unused_for, options.dry_run)
    gone += [{"kind": "caches", "name": name, "size": size} for name, size in own]
    stuck, silent = ([each for each in gone if each["kind"] == kind] for kind in ("undeletable", "unreached"))
    gone = [each for each in gone if each["kind"] not in ("undeletable", "unreached")]
    if options.json:
        show.as_json({"dry_run": options.dry_run, "removed": gone, "undeletable": stuck, "unreached": silent})
        return int(bool(stuck))
    for kind in dict.fromkeys(each["kind"] for each in gone):
        sizes = [each["size"] for each in gone if each["kind"] == kind]
        print(f"{kind:<14}{len(sizes):>6}  {show.size(sum(sizes)):>9}")
    verb = "would free" if options.dry_run else "freed"
    print(f"{verb} {show.size(sum(each['size'] for each in gone))}")
    for each in stuck:
        print(f"trainshed: cannot delete {show.clean(each['name'])}: it belongs to another user.", file=sys.stderr)
    for each in silent:
        print(f"trainshed: nothing was removed on {show.clean(each['name'])}", file=sys.stderr)
    return int(bool(stuck))


def lines_of(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the records of a response with one JSON record per line.

    Raises:
        TrainshedError: an error in the service after the response had started.
    """
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            record = json.loads(line)
            if "error" in record:
                raise named(record["error"]["type"])(record["error"]["message"], record["error"]["details"])
            yield record


def _with_progress(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield records; on a terminal, show progress if it takes long."""
    began, printed, count, size = time.monotonic(), 0.0, 0, 0
    shown = sys.stderr.isatty()
    for record in records:
        count, size, now = count + 1, size + record["size"], time.monotonic()
        if shown and now - began > _QUIET_SECONDS and now - printed > _QUIET_SECONDS / 5:
            printed = now
            print(f"\r{count} removed, {show.size(size)}", end="", file=sys.stderr, flush=True)
        yield record
    if printed:
        print(file=sys.stderr)
