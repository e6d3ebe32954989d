"""The patterns of ``.amlignore`` and ``.gitignore``, as regular expressions."""

from __future__ import annotations

import re

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ignore:
    """Tells which paths are left out, by gitignore's rules: the last pattern that matches decides.

    Args:
        lines: patterns, one a line, as in ``.gitignore``.
        file: name of the file that they are from.

    Example:
        >>> rules = Ignore(["*.csv", "!/keep.csv"])
        >>> rules.excludes("data/a.csv", "a.csv", False), rules.excludes("keep.csv", "keep.csv", False)
        (True, False)
    """

    def __init__(self, lines: Iterable[str], file: str = ".gitignore") -> None:
        self.file = file
        self._rules = [rule for rule in map(_rule, lines) if rule is not None]
        # Most paths match nothing: two combined patterns say so at once, the rules are tried only otherwise.
        by_name = "|".join(rule.pattern for rule in self._rules if not rule.whole)
        by_path = "|".join(rule.pattern for rule in self._rules if rule.whole)
        self._by_name = re.compile(by_name).fullmatch if by_name else None
        self._by_path = re.compile(by_path).fullmatch if by_path else None

    def excludes(self, path: str, name: str, is_dir: bool, otherwise: bool = False) -> bool:
        """Tell whether a path is left out. What lies in a folder that is left out is not asked for.

        Args:
            path: relative to the source folder, with ``/``.
            name: its last part.
            is_dir: whether it is a folder.
            otherwise: what holds if no rule is about it.
        """
        if not ((self._by_name and self._by_name(name)) or (self._by_path and self._by_path(path))):
            return otherwise
        for rule in reversed(self._rules):
            if (is_dir or not rule.only_dirs) and re.fullmatch(rule.pattern, path if rule.whole else name):
                return not rule.negated
        return otherwise


class _Rule:
    """One pattern: a regular expression for the whole path, or for its last part."""

    def __init__(self, pattern: str, whole: bool, negated: bool, only_dirs: bool) -> None:
        self.pattern = pattern
        self.whole = whole
        self.negated = negated
        self.only_dirs = only_dirs


def _rule(line: str) -> _Rule | None:
    text = line.rstrip("\r\n")
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    only_dirs = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    whole = "/" in text
    pattern = _expression(text.removeprefix("/")) if whole else _part(text)
    return _Rule(pattern, whole, negated, only_dirs)


def _expression(text: str) -> str:
    """Translate a pattern with slashes: it counts from the source folder."""
    parts = text.split("/")
    pieces = []
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            pieces.append(".+" if last else "(?:[^/]+/)*")
        else:
            pieces.append(_part(part) + ("" if last else "/"))
    return "".join(pieces)


def _part(text: str) -> str:
    """Translate what stands between two slashes."""
    pieces = []
    place = 0
    while place < len(text):
        char = text[place]
        place += 1
        if char == "*":
            pieces.append("[^/]*")
        elif char == "?":
            pieces.append("[^/]")
        elif char == "[":
            piece, place = _class(text, place)
            pieces.append(piece)
        elif char == "\\" and place < len(text):
            pieces.append(re.escape(text[place]))
            place += 1
        else:
            pieces.append(re.escape(char))
    return "".join(pieces)


def _class(text: str, begin: int) -> tuple[str, int]:
    """Translate ``[…]``; a bracket that is never closed stands for itself."""
    inside = begin + 1 if text[begin : begin + 1] in ("!", "^") else begin
    # A "]" that comes first belongs to the class.
    end = text.find("]", inside + 1)
    if end < 0:
        return re.escape("["), begin
    members = text[inside:end].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    for doubled in ("&&", "--", "||", "~~"):
        members = members.replace(doubled, doubled[0])
    pattern = f"[{'^/' if inside > begin else ''}{members.removeprefix('^') if inside == begin else members}]"
    try:
        re.compile(pattern)
    except re.error:
        return re.escape("["), begin
    return pattern, end + 1
