"""Print results as tables, text or JSON."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trainshed.client.terminal import Cleaner
from trainshed.spec.floats import spelled

_COLUMN = 60
_COLOURS = {"Completed": 32, "Failed": 31, "Canceled": 33, "Running": 36}
"""Codes of ANSI's colours: green, red, yellow, cyan."""


def as_json(value: Any) -> None:
    """Print a value as JSON, with non-finite floats as the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``."""
    import json

    print(json.dumps(spelled(value, marked=False), indent=2))


def clean(text: Any) -> str:
    """Return a value as one line of text, without terminal control sequences."""
    cleaner = Cleaner()
    raw = str(text).encode("utf-8", "replace")
    return (cleaner.feed(raw) + cleaner.rest()).decode("utf-8", "replace").replace("\n", " ").replace("\r", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with the column titles ``head``; long cells are cut."""
    lines = [list(head), *([clean(cell)[:_COLUMN] for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    coloured = head.index("STATUS") if "STATUS" in head and _has_colours() else -1
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        if coloured >= 0 and line[coloured] in _COLOURS:
            print("  ".join(cells[:coloured]), end="  ")
            sys.stdout.paint(cells[coloured], _COLOURS[line[coloured]])  # type: ignore[union-attr]  # cli.main's
            cells = ["", *cells[coloured + 1 :]]
        print("  ".join(cells).rstrip())


def _has_colours() -> bool:
    """Tell whether the output is a terminal, and nobody has asked for none; see https://no-color.org."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return hasattr(sys.stdout, "paint") and sys.stdout.isatty() and not plain


def moment(seconds: float | None) -> str:
    """Format seconds since the epoch in the user's time zone; None gives an empty string."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def duration(begin: float | None, end: float | None) -> str:
    """Format how long something took, or has taken until now.

    Args:
        begin: seconds since the epoch, or None if it has not started.
        end: seconds since the epoch, or None if it has not ended.

    Example:
        >>> duration(0.0, 75.0)
        '1m15s'
    """
    if begin is None:
        return ""
    seconds = max((time.time() if end is None else end) - begin, 0.0)
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def size(count: float) -> str:
    """Format a number of bytes.

    Example:
        >>> size(999), size(1_234_567)
        ('999 B', '1.2 MB')
    """
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.0f} B" if units[0] == "B" else f"{count:.1f} {units[0]}"


def log(options: argparse.Namespace, name: str, pieces: Iterable[bytes]) -> None:
    """Print a log as it arrives; with ``--json``, one object per line: ``{"file": …, "line": …}``.

    Args:
        options: the options of the command.
        name: the name of the file.
        pieces: the contents of the file.
    """
    if not options.json:
        raw(pieces)
        return
    import json

    for line in _lines(pieces):
        print(json.dumps({"file": name, "line": line.decode("utf-8", "replace")}), flush=True)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def raw(pieces: Iterable[bytes]) -> None:
    """Print bytes as they arrive: unchanged to a file or a pipe, without control sequences to a terminal."""
    out = getattr(sys.stdout, "buffer", None)
    cleaner = Cleaner() if sys.stdout.isatty() else None
    for piece in pieces:
        _write(out, cleaner.feed(piece) if cleaner else piece)
    if cleaner:
        _write(out, cleaner.rest())


def _write(out: Any, piece: bytes) -> None:
    if out is None:
        sys.stdout.write(piece.decode("utf-8", "replace"))
        return
    out.write(piece)
    out.flush()
