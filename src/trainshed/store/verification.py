"""Checks contents against their hashes: packs, trees, and any file. Nothing is ever changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
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


def check_pack(path: Path, rows: Mapping[int, Row]) -> Iterator[int | BadContent]:
    """Check the contents of a pack, each with the head before it.

    Args:
        path: the pack.
        rows: first byte → the content that should begin there.

    Yields:
        Numbers of bytes read, and what is damaged.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        fd, end = file.fileno(), os.fstat(file.fileno()).st_size
        for begin, row in sorted(rows.items()):
            head, made = os.pread(fd, HEAD, max(begin - HEAD, 0)), hashlib.sha256()
            whole = head == bytes.fromhex(row.sha) + row.size.to_bytes(8, "big") and begin + row.size <= end
            for piece in _pieces(fd, begin, row.size) if whole else ():
                made.update(piece)
                yield len(piece)
            if not whole or made.hexdigest() != row.sha:
                yield BadContent(path.name, begin, row.sha)


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
