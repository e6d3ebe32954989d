"""``trainshed logs``, ``files`` and ``get``."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from typing import Any

from trainshed.api.runs.run import Run
from trainshed.api.runs.waiting import telling
from trainshed.cli import resolve, show
from trainshed.client.follow import follow
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec import layout, states
from trainshed.spec.run import LOCAL

_BLOCK = 64 << 10
_NEWLINE = ord("\n")


def logs(options: argparse.Namespace) -> int:
    """Print the log of a run."""
    run = resolve.run(options)
    if options.tail is not None:
        name = options.file or _best_log(run)
        connection, offset = run.experiment.workspace.connection, _place_of_tail(run, name, options.tail)
        path = quoted("runs", run.id, "files", name)
        whole = connection.stream("GET", path, {"offset": offset})
        show.log(options, name, follow(connection, run.id, name, offset) if options.follow else whole)
    elif options.follow and options.file is None:
        follow_all(options, run)
    elif options.follow:
        show.log(options, options.file, follow(run.experiment.workspace.connection, run.id, options.file))
    else:
        name = options.file or _best_log(run)
        show.log(options, name, run.read(name))
    return 0


def _place_of_tail(run: Run, name: str, lines: int) -> int:
    """Return the byte at which the last lines of a file begin; only its end is read."""
    size = int({file["name"]: file["size"] for file in _files(run)}.get(name, 0))
    path, length = quoted("runs", run.id, "files", name), _BLOCK
    while True:
        begin = max(size - length, 0)
        end = b"".join(run.experiment.workspace.connection.stream("GET", path, {"offset": begin}))
        breaks = [at for at, byte in enumerate(end[:-1]) if byte == _NEWLINE]
        if len(breaks) >= lines:
            return begin + breaks[-lines] + 1
        if not begin:
            return 0
        length *= 4


def _best_log(run: Run) -> str:
    """Return the name of the script's log, or of the environment's log until the script has printed something."""
    sizes = {file["name"]: file["size"] for file in _files(run)}
    logs = [name for name in reversed(layout.logs_of(run.type or "")) if name in sizes]
    for name in [name for name in logs if sizes[name]] + logs:
        return name
    raise NotFoundException(f"Run {run.id} is {run.status} and has no log yet. Wait for it: trainshed logs -f {run.id}")


def follow_all(options: argparse.Namespace, run: Run) -> None:
    """Print the log of the environment, then that of the script, until the run has ended."""
    connection = run.experiment.workspace.connection
    record = run.record()
    may_wait = record["target"] != LOCAL or record["status"] == states.QUEUED
    try:
        with telling(connection, run.id) if may_wait else nullcontext():
            for name in layout.logs_of(run.type or ""):
                show.log(options, name, follow(connection, run.id, name))
    except KeyboardInterrupt:
        print(f"\nThe run continues. To stop it: trainshed cancel {run.id}", file=sys.stderr)
        raise


def files(options: argparse.Namespace) -> int:
    """List the files of a run."""
    run = resolve.run(options)
    found = _files(run)
    if options.json:
        show.as_json(found)
    else:
        show.table(("FILE", "BYTES"), ((file["name"], file["size"]) for file in found))
    return 0


def _files(run: Run) -> list[dict[str, Any]]:
    connection = run.experiment.workspace.connection
    found: list[dict[str, Any]] = connection.call("GET", quoted("runs", run.id, "files"))["files"]
    return found


def get(options: argparse.Namespace) -> int:
    """Download a file of a run, or all files in a folder."""
    run = resolve.run(options)
    if options.output == "-":
        show.raw(run.read(options.file))
        return 0
    if not options.file.endswith("/"):
        from trainshed.api.transfer import download

        written = [download(run.read(options.file), options.file, options.output)]
    else:
        names = [name for name in run.get_file_names() if name.startswith(options.file)]
        if not names:
            raise UserErrorException(f"Run {run.id} has no files in '{options.file}'. See: trainshed files {run.id}")
        run.download_files(options.file, options.output)
        written = names
    if options.json:
        show.as_json(written)
    else:
        print("\n".join(show.clean(path) for path in written))
    return 0
