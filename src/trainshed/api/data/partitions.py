"""Values in the paths of a dataset's files, such as the country and day in ``/USA/2026/01/31/data.csv``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from trainshed.errors import UserErrorException

_PARTS = {"yyyy": ("[0-9]{4}", "%Y"), **{part: ("[0-9]{2}", code) for part, code in (("MM", "%m"), ("dd", "%d"))}}
_PARTS.update({part: ("[0-9]{2}", code) for part, code in (("HH", "%H"), ("mm", "%M"), ("ss", "%S"))})
_KEY = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_TIME_PART = re.compile("|".join(_PARTS))


class PartitionFormat:
    """The format of the end of paths, from which values are read.

    Args:
        text: ``"/{country}/{day:yyyy/MM/dd}/data.csv"``; ``*`` stands for anything but a ``/``.

    Attributes:
        keys: names of the values, in order.

    Raises:
        UserErrorException: the format names no value, or the same one twice.

    Example:
        >>> PartitionFormat("/{country}/{day:yyyy/MM}/*").values("/data/USA/2026/01/a.csv")
        {'country': 'USA', 'day': datetime.datetime(2026, 1, 1, 0, 0)}
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.keys: list[str] = []
        self._times: dict[str, str] = {}
        pattern, end = "", 0
        for found in _KEY.finditer(text):
            key, time = found.groups()
            pattern += _literal(text[end : found.start()]) + f"({self._key(key.strip(), time)})"
            end = found.end()
        if not self.keys or len(set(self.keys)) < len(self.keys):
            raise UserErrorException(
                f"partition_format {text!r} must name each value once, as in '/{{country}}/{{day:yyyy/MM/dd}}/*'."
            )
        self._pattern = re.compile(f"{pattern}{_literal(text[end:])}\\Z")

    def _key(self, key: str, time: str | None) -> str:
        self.keys.append(key)
        if time is None:
            return "[^/]+"
        parts = re.split(f"({_TIME_PART.pattern})", time)
        self._times[key] = "".join(_PARTS[part][1] if part in _PARTS else part.replace("%", "%%") for part in parts)
        return "".join(_PARTS[part][0] if part in _PARTS else re.escape(part) for part in parts)

    def values(self, path: str) -> dict[str, Any]:
        """Return the values in a path: texts, and datetimes where the format describes one.

        Args:
            path: the path of a file.

        Raises:
            UserErrorException: the path does not have this format.
        """
        found = self._pattern.search(path if path.startswith("/") else f"/{path}")
        try:
            texts = dict(zip(self.keys, found.groups() if found else (), strict=True))
            return {
                key: datetime.strptime(text, self._times[key]) if key in self._times else text
                for key, text in texts.items()
            }
        except ValueError as error:
            raise UserErrorException(f"'{path}' does not end as partition_format {self._text!r} says.") from error


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*")
