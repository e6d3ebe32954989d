"""Makes a program's output safe to show: a log line must not be able to control the terminal."""

from __future__ import annotations

import re

_COLOUR = rb"\x1b\[[0-9;:]*m"
_UNSAFE = re.compile(_COLOUR + rb"|[\x00-\x06\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
_UNFINISHED = re.compile(rb"(?:\x1b(?:\[[0-9;:]{0,32})?|\xc2)\Z")


class Cleaner:
    r"""Shows control characters as visible text; colours, tabs, backspaces and line ends are kept.

    Example:
        >>> Cleaner().feed(b"\x1b[31mred\x1b[0m \x1b]0;title\x07")
        b'\x1b[31mred\x1b[0m ^[]0;title\x07'
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the part of the text that can be shown now.

        Args:
            piece: the next bytes; they may end within a sequence.
        """
        text = self._held + piece
        cut = _UNFINISHED.search(text)
        self._held = cut.group() if cut else b""
        return _UNSAFE.sub(_visible, text[: len(text) - len(self._held)])

    def rest(self) -> bytes:
        """Return what was held back, at the end of the text."""
        held, self._held = self._held, b""
        return _UNSAFE.sub(_visible, held)


def _visible(match: re.Match[bytes]) -> bytes:
    found = match.group()
    if len(found) > 1 and found.startswith(b"\x1b["):
        return found
    if found.startswith(b"\xc2"):
        return b"\\x%02x" % found[1]
    return b"^?" if found == b"\x7f" else b"^" + bytes([found[0] + 64])
