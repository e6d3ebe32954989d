from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trainshed.client.follow import follow
from trainshed.errors import ServiceException


class Breaking:
    """A connection whose streams break off after so many bytes each."""

    def __init__(self, content: bytes, *breaks: int) -> None:
        self.content = content
        self.breaks = list(breaks)

    def stream(self, _method: str, _path: str, query: dict[str, Any]) -> Iterator[bytes]:
        rest = self.content[query["offset"] :]
        if not self.breaks:
            yield rest
            return
        cut = self.breaks.pop(0)
        if cut:
            yield rest[:cut]
        raise ServiceException("gone")


def test_each_byte_comes_once_however_often_the_line_breaks() -> None:
    content = bytes(range(256)) * 10
    pieces = follow(Breaking(content, 7, 0, 100, 1, 0, 0, 2000), "r", "log")  # type: ignore[arg-type]
    assert b"".join(pieces) == content


def test_a_line_that_only_breaks_is_given_up() -> None:
    with pytest.raises(ServiceException):
        list(follow(Breaking(b"x", *[0] * 50), "r", "log"))  # type: ignore[arg-type]
