"""What people type into the filter of the page, as SQL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from trainshed.spec import states
from trainshed.spec.arguments import value_of

_TOKEN = re.compile(r"""((?:"[^"]*"|[^\s"])+)""")
_PART = re.compile(r"""(?s)("[^"]+"|[^\s:<>="]+)(>=|<=|:|=|<|>)(.*)""")
_AGE = re.compile(r"-(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST = 30
"""Conditions of one filter."""
ARCHIVED = "json_extract(details, '$.archived')"
_TEXT = (
    "id || char(10) || coalesce(display_name, '') || char(10) || coalesce(description, '') || char(10) || experiment "
    "|| char(10) || target || char(10) || status || char(10) || tags || char(10) "
    "|| coalesce(json_extract(details, '$.error.message'), '')"
)
_WORDS = {
    "experiment": "experiment",
    "target": "target",
    "id": "id",
    "parent": "coalesce(parent, '')",
    "name": "coalesce(display_name, id)",
    "kind": "kind",
}
_TIMES = {"started": "started", "submitted": "created", "ended": "ended"}
TOOK = "(coalesce(ended, (julianday('now') - 2440587.5) * 86400.0) - started)"
METRIC = "(SELECT value FROM series WHERE run = runs.id AND name = ? AND typeof(value) IN ('real', 'integer', 'text'))"
PARAMETER = "(SELECT parameter(json_extract(spec, '$.arguments'), runs.properties, ?) FROM specs WHERE run = runs.id)"
_STATES = {
    "running": (states.RUNNING, states.FINALIZING, states.NOT_RESPONDING, states.CANCEL_REQUESTED),
    "queued": (states.QUEUED,),
    "preparing": (states.PROVISIONING, states.PREPARING, states.STARTING),
    "active": tuple(sorted(states.ALL - states.TERMINAL)),
}


class Condition(NamedTuple):
    """A part of an SQL condition.

    Attributes:
        sql: the condition.
        args: the values for its question marks.
    """

    sql: str
    args: tuple[Any, ...] = ()


def conditions(text: str) -> list[Condition]:
    """Return the conditions of a filter such as ``experiment:digits status:failed started>-3d val/loss<0.1 words``.

    Args:
        text: the filter. What has no meaning as a condition is looked for as a text.
    """
    found, archived = [], False
    for token in _TOKEN.findall(text[:2000])[:_MOST]:
        part = _PART.fullmatch(token)
        made = _condition(part.group(1).strip('"'), part.group(2), part.group(3).strip('"')) if part else None
        archived = archived or bool(part and part.group(1) == "archived")
        found.append(made or Condition(f"instr(lower({_TEXT}), ?) > 0", (token.strip('"').lower(),)))
    if not archived:
        found.append(Condition(f"{ARCHIVED} IS NULL"))
    return found


def _condition(key: str, sign: str, value: str) -> Condition | None:
    if not value:
        return Condition("1")
    if sign in (":", "="):
        if key in _MADE:
            return _MADE[key](value)
        if key in _WORDS:
            wanted = [each.lower() for each in value.split(",") if each]
            return Condition(f"lower({_WORDS[key]}) IN ({', '.join('?' * len(wanted))})", tuple(wanted))
    elif key in _TIMES or key == "took":
        return _times(key, sign, value)
    return None if sign == ":" else _compared(key, sign, value)


def _times(key: str, sign: str, value: str) -> Condition | None:
    if key == "took":
        length = _AGE.fullmatch(f"-{value}")
        return length and Condition(f"{TOOK} {sign} ?", (float(length.group(1)) * _SECONDS[length.group(2)],))
    when = _moment(value)
    return None if when is None else Condition(f"{_TIMES[key]} {sign} ?", (when,))


def _compared(key: str, sign: str, value: str) -> Condition:
    """Return a comparison of a metric or a parameter."""
    number = value_of(value)
    # A text is larger than each number for SQLite, so numbers are compared with numbers alone.
    typed = "" if sign == "=" else "typeof({0}) IN ('real', 'integer') AND "
    either = " OR ".join(f"({typed.format(each)}{each} {sign} ?)" for each in (METRIC, PARAMETER))
    each_time = (key, key, number) if typed else (key, number)
    return Condition(f"({either})", each_time * 2)


def _status(value: str) -> Condition:
    wanted: list[str] = []
    for each in value.lower().split(","):
        wanted += _STATES.get(each, [name for name in states.ALL if name.lower() == each])
    return Condition(f"status IN ({', '.join('?' * len(wanted))})", tuple(wanted))


def _tag(value: str) -> Condition:
    key, equals, wanted = value.partition("=")
    test = "key = ? AND value = ?" if equals else "(key = ? OR value = ?)"
    return Condition(
        f"EXISTS (SELECT 1 FROM json_each(runs.tags) WHERE {test})", (key, wanted) if equals else (key, key)
    )


def _archived(value: str) -> Condition:
    return Condition({"yes": f"{ARCHIVED} IS NOT NULL", "no": f"{ARCHIVED} IS NULL"}.get(value.lower(), "1"))


_MADE: dict[str, Callable[[str], Condition]] = {"status": _status, "tag": _tag, "archived": _archived}


def _moment(text: str) -> float | None:
    """Return a time as seconds since the epoch: ``-3d`` is three days ago, ``2026-01-31`` the beginning of a day."""
    age = _AGE.fullmatch(text)
    if age:
        return time.time() - float(age.group(1)) * _SECONDS[age.group(2)]
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return None
