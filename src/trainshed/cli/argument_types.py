"""Types of arguments that the command line accepts."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not '{text}'")
    return int(text)


def subset(text: str) -> tuple[int, int]:
    """Return a part such as ``1/10``."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part. Use two numbers, such as 1/10")
    return int(part), int(parts)


def days(text: str) -> float:
    """Return an age such as ``30d`` or ``12h`` in days."""
    units = {"w": 7.0, "d": 1.0, "h": 1 / 24, "m": 1 / 1440}
    if not text[:-1].isdecimal() or text[-1] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age. Use a number and w, d, h or m, such as 30d")
    return int(text[:-1]) * units[text[-1]]
