"""Pieces of logs, of any length: the end first, the rest when somebody scrolls there; and where a text occurs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from trainshed.errors import NotFoundException

_MOST = 1 << 20
_SEARCHED = 1 << 28
_HITS = 1000
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 16


class Log:
    """A log of a run.

    Args:
        opened: opens the file; it may not exist yet.
    """

    def __init__(self, opened: Callable[[], BinaryIO]) -> None:
        self._opened = opened

    def piece(self, start: int, count: int) -> dict[str, Any]:
        """Return a piece: ``{"start", "end", "size", "text"}``, in bytes of the file.

        Args:
            start: where it begins; negative for the end of the file, where it begins with a whole line.
            count: how many bytes, a million at most.
        """
        count = min(max(count, 1), _MOST)
        try:
            with self._opened() as file:
                size = file.seek(0, 2)
                begin = max(size - count, 0) if start < 0 else min(start, size)
                file.seek(begin)
                content = file.read(count)
        except NotFoundException:
            return {"start": 0, "end": 0, "size": 0, "text": ""}
        if start < 0 and begin:
            cut = content.find(b"\n", 0, _LONGEST_LINE) + 1
            begin, content = begin + cut, content[cut:]
        content = _whole(content)
        text = content.decode("utf-8", "replace")
        return {"start": begin, "end": begin + len(content), "size": size, "text": text}

    def find(self, text: str) -> dict[str, Any]:
        """Return where a text occurs, in any case: ``{"lines": [offset of the line, …], "more": bool}``.

        Args:
            text: what to look for.
        """
        wanted, offset = text.lower().encode("utf-8", "replace"), 0
        lines: list[int] = []
        if not wanted:
            return {"lines": lines, "more": False}
        try:
            with self._opened() as file:
                rest = b""
                while offset < _SEARCHED and len(lines) < _HITS and (piece := file.read(_PIECE)):
                    block = rest + piece
                    whole = block.rfind(b"\n") + 1 or (len(block) if len(block) > _PIECE else 0)
                    _hits(block[:whole], offset, wanted, lines)
                    offset, rest = offset + whole, block[whole:]
                _hits(rest, offset, wanted, lines)
        except NotFoundException:
            pass
        return {"lines": lines[:_HITS], "more": len(lines) >= _HITS or offset >= _SEARCHED}


def _hits(block: bytes, offset: int, wanted: bytes, lines: list[int]) -> None:
    """Add the offsets of the lines in which a text occurs."""
    lowered = block.lower()
    place = lowered.find(wanted)
    while place >= 0 and len(lines) <= _HITS:
        lines.append(offset + block.rfind(b"\n", 0, place) + 1)
        end = block.find(b"\n", place)
        place = lowered.find(wanted, end) if end >= 0 else -1


def _whole(content: bytes) -> bytes:
    """Return bytes without the beginning of a character at their end."""
    for back in range(1, min(4, len(content) + 1)):
        lead = content[-back]
        if lead >= 0xC0:
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return content[:-back] if length > back else content
        if lead < 0x80:
            break
    return content
