"""The files of a run directory that a service elsewhere gets to see: what grows, and what is kept."""

from __future__ import annotations

import os
from functools import partial
from typing import Callable, Iterator, Sequence

from trainshed.errors import NotFoundException
from trainshed.spec import layout
from trainshed.system import odd_files
from trainshed.system.confined import digest as digest_of
from trainshed.system.confined import facts_inside, open_inside, walk

LeftOut = Callable[[str, str], None]


def growing(run_dir: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files of a run that are only ever appended to; of several names of one file the first."""
    seen = set()
    yield from _records(run_dir, (layout.PHASES, layout.JOURNAL), None)
    for prefix, folder in layout.ROOTS:
        if prefix == "outputs/":
            continue
        for relative, facts in walk(run_dir, folder):
            if facts.st_ino not in seen:
                seen.add(facts.st_ino)
                yield folder + relative, facts
    yield from _event_files(run_dir)


def _records(run_dir: str, names: Sequence[str], left_out: LeftOut | None) -> Iterator[tuple[str, os.stat_result]]:
    for name in names:
        facts = facts_inside(run_dir, name)
        if facts is not None:
            yield name, facts
        elif left_out is not None:
            left_out(name, odd_files.oddity(run_dir, name))


def _event_files(run_dir: str) -> Iterator[tuple[str, os.stat_result]]:
    for _, folder in layout.EVENTS:
        for relative, facts in walk(run_dir, folder):
            if layout.is_event_file(relative):
                yield folder + relative, facts


def mirrored(run_dir: str, left_out: LeftOut) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all files of a run that the service keeps: records, logs, outputs, what goes to datastores."""
    yield from _records(run_dir, (layout.PHASES, layout.JOURNAL, layout.SHIM_LOG, layout.EXIT), left_out)
    for folder in (*(folder for _, folder in layout.ROOTS), f"{layout.ARTIFACTS}/", f"{layout.OUTBOX}/"):
        for relative, facts in walk(run_dir, folder, partial(_below, left_out, folder)):
            yield folder + relative, facts
    yield from _event_files(run_dir)


def _below(left_out: LeftOut, folder: str, path: str, reason: str) -> None:
    left_out(folder + path, reason)


def digest(run_dir: str, path: str, left_out: odd_files.LeftOut) -> str:
    """Return the hash of a file; ``""`` where it cannot be kept."""
    try:
        with open_inside(run_dir, path) as file:
            if not odd_files.sparse(file):
                return digest_of(file)[0]
            left_out.add(path, odd_files.SPARSE)
    except NotFoundException as error:
        left_out.add(path, odd_files.why(error))
    except OSError as error:
        left_out.add(path, str(error.strerror))
    return ""
