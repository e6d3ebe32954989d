"""Checks contents against their hashes: packs, trees, and any file. Nothing is ever changed."""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from trainshed.store.packs import HEAD

_PIECE = 1 << 20


class BadContent(NamedTuple):
    """A content of a pack that is not what it was when it was stored.

    Attributes:
        pack: its pack.
        start: its first byte in the pack.
        sha: the hash that it should have.
    """

    pack: str
    start: int
    sha: str


class Row(NamedTuple):
    """What the database says of a content of a pack."""

    sha: str
    size: int


def check_pack(path: Path, rows: Mapping[int, Row], whole: bool) -> Iterator[int | BadContent]:
    """Check a pack.

    Args:
        path: the pack.
        rows: first byte → the content that should begin there.
        whole: check what else the pack contains, too.

    Yields:
        Numbers of bytes read, and what is damaged.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        fd, starts, seen = file.fileno(), sorted(rows), set[int]()
        end = os.fstat(fd).st_size
        at = 0 if whole else end
        while at < end:
            begin = at + HEAD
            seen.add(begin)
            size = yield from _check_content(fd, path.name, begin, rows.get(begin))
            # After a damaged head, go on with the next content that the database knows.
            later = bisect_right(starts, begin)
            at = begin + size if size is not None else (starts[later] - HEAD if later < len(starts) else end)
        for start in starts:
            if start not in seen:
                yield from _check_content(fd, path.name, start, rows[start])


def _check_content(fd: int, pack: str, begin: int, row: Row | None) -> Generator[int | BadContent, None, int | None]:
    """Check one content and the head before it; return its size, or None if it cannot be told."""
    head = os.pread(fd, HEAD, begin - HEAD) if begin >= HEAD else b""
    found = Row(head[:32].hex(), int.from_bytes(head[32:], "big"))
    expected = row or found
    fits = len(head) == HEAD and begin + expected.size <= os.fstat(fd).st_size
    made = hashlib.sha256()
    if fits:
        for piece in _pieces(fd, begin, expected.size):
            made.update(piece)
            yield len(piece)
    if not fits or found != expected or made.hexdigest() != expected.sha:
        yield BadContent(pack, begin, expected.sha)
    return expected.size if fits else None


def _pieces(fd: int, start: int, size: int) -> Iterator[bytes]:
    while size and (piece := os.pread(fd, min(size, _PIECE), start)):
        start, size = start + len(piece), size - len(piece)
        yield piece


def check_tree(path: Path) -> dict[str, Any] | None:
    """Return a tree; None if it is damaged.

    Args:
        path: the file, named by the hash of its entries.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        text = json.dumps(record["entries"], sort_keys=True, separators=(",", ":"))
        places = record["contents"]
        known = all(
            isinstance(places[each["sha256"]][0], str) and isinstance(places[each["sha256"]][1], int)
            for each in record["entries"]
            if each["kind"] == "file"
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return record if known and hashlib.sha256(text.encode()).hexdigest() == path.stem else None


def check_file(file: BinaryIO, size: int, sha: str) -> Iterator[int | bool]:
    """Check a file.

    Args:
        file: the file.
        size: the size that it should have.
        sha: the hash that it should have.

    Yields:
        Numbers of bytes read; last, whether it is as it should be.
    """
    if os.fstat(file.fileno()).st_size != size:
        yield False
        return
    made = hashlib.sha256()
    while piece := file.read(_PIECE):
        made.update(piece)
        yield len(piece)
    yield made.hexdigest() == sha
