"""How a service and an agent speak: frames of a JSON head and raw bytes, over any pair of byte streams."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
from typing import Any, Dict, Iterator, Sequence, Tuple

_SIZES = struct.Struct(">II")
_LARGEST = 64 << 20
"""Bytes of one part of a frame; more than that is not a frame, but something else that speaks on the stream."""

Frame = Tuple[Dict[str, Any], bytes]


class BrokenStream(Exception):
    """The stream has ended, or carries something that is not a frame."""


def write(fd: int, head: dict[str, Any], body: bytes = b"", patience: float | None = None) -> None:
    """Write one frame.

    Args:
        fd: descriptor of the stream.
        head: JSON.
        body: raw bytes that belong to it.
        patience: as for :func:`send`.

    Raises:
        BrokenStream: nobody reads it any more.
    """
    text = json.dumps(head).encode()
    send(fd, _SIZES.pack(len(text), len(body)) + text + body, patience)


def send(fd: int, data: bytes, patience: float | None = None) -> None:
    """Write all of some bytes.

    Args:
        fd: descriptor of the stream.
        data: the bytes.
        patience: longest time, in seconds, in which none of them is taken; None: for ever. The descriptor must not
            block then.

    Raises:
        BrokenStream: nobody reads it any more.
    """
    view = memoryview(data)
    try:
        while view:
            if patience is not None and not ready(fd, select.POLLOUT, patience):
                raise BrokenStream(f"the other side accepted no data within {patience:.0f} s")
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(fd, view) :]
    except OSError as error:
        raise BrokenStream(str(error)) from error


def ready(fd: int, event: int, seconds: float) -> bool:
    """Wait until a descriptor can be read or written, or is broken; False where that takes too long."""
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(seconds * 1000))


def read(fd: int) -> Frame:
    """Read one frame.

    Raises:
        BrokenStream: the stream ended, also in the middle of a frame.
    """
    head, body = _SIZES.unpack(_exactly(fd, _SIZES.size))
    if head > _LARGEST or body > _LARGEST:
        raise BrokenStream("the data received is not a message of Trainshed's agent")
    try:
        told = json.loads(_exactly(fd, head))
    except ValueError as error:
        raise BrokenStream("the data received is not a message of Trainshed's agent") from error
    return told, _exactly(fd, body)


def _exactly(fd: int, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = os.read(fd, min(size, 1 << 20))
        except OSError as error:
            raise BrokenStream(str(error)) from error
        if not part:
            raise BrokenStream("the stream ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def joined(pieces: Sequence[tuple[str, str, bytes]]) -> tuple[Sequence[Sequence[Any]], bytes]:
    """Return pieces of files as (a list of run, path and length for a head, one body)."""
    return [(run_id, path, len(piece)) for run_id, path, piece in pieces], b"".join(piece for _, _, piece in pieces)


def parted(listed: Sequence[Sequence[Any]], body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield again what :func:`joined` was given."""
    start = 0
    for run_id, path, size in listed:
        yield run_id, path, body[start : start + size]
        start += size
