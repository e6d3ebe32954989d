from __future__ import annotations

import pytest

from trainshed.client.terminal import Cleaner


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain\ttext\r\n", b"plain\ttext\r\n"),
        (b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m"),
        (b"\x1b]0;owned\x07", b"^[]0;owned\x07"),
        (b"\x1b[2J\x1b[H", b"^[[2J^[[H"),
        (b"\xc2\x9b2J", b"\\x9b2J"),
        ("ünï ✓".encode(), "ünï ✓".encode()),
        (b"\x00\x7f", b"^@^?"),
    ],
)
def test_a_log_cannot_drive_the_terminal(raw: bytes, shown: bytes) -> None:
    whole = Cleaner()
    assert whole.feed(raw) + whole.rest() == shown
    cut = Cleaner()
    assert b"".join(cut.feed(raw[place : place + 1]) for place in range(len(raw))) + cut.rest() == shown
