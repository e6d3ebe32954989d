"""What the shim has recorded in a run directory, read as what it is: a file that a script may have written as well.

Each record is checked here, once: one that is not whole, or has a value of another type, is as good as none.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Mapping

from trainshed.spec import layout, states
from trainshed.system.confined import json_inside, read_inside

Check = Callable[[Any], bool]
_OUTCOMES = ("completed", "failed", "canceled")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


def _time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_PROCESS: Mapping[str, Check] = {"pid": lambda value: _number(value) and value > 1, "start": _text, "boot": _text}
_EXIT: Mapping[str, Check] = {
    "outcome": lambda value: value in _OUTCOMES,
    "reason": lambda value: _text(value) and value in states.REASONS,
    "message": _text,
    "phase": _text,
    "time": _time,
}
_EXIT_TOO: Mapping[str, Check] = {
    "exit_code": _or_none(_number),
    "signal": _or_none(_number),
    "leftovers": _or_none(_number),
    "environment": _or_none(_object),
    "warnings": _texts,
    "witness": _text,
    "rank": _or_none(_object),
    "log": _text,
}
_CONTAINER: Mapping[str, Check] = {"kind": _text, "path": _text, "names": _texts}


def _whole(record: Dict[str, Any], checks: Mapping[str, Check]) -> bool:
    return all(name in record and check(record[name]) for name, check in checks.items())


def is_phase(event: Dict[str, Any]) -> bool:
    """Tell whether an event of ``phases.jsonl`` is a phase."""
    return _whole(event, {"phase": _text, "time": _time})


def shim(run_dir: str) -> Dict[str, Any]:
    """Return ``{"pid", "start", "boot"}`` of the shim that has claimed a run, or an empty record."""
    found = json_inside(run_dir, layout.SHIM)
    return found if _whole(found, _PROCESS) else {}


def owner(run_dir: str) -> Dict[str, Any]:
    """Return who logs an interactive run, as :meth:`trainshed.targets.witness.Witness.begin` wrote it, or nothing."""
    found = json_inside(run_dir, layout.SHIM)
    for name in ("run", "sweep"):
        if name in found:
            return found if _text(found[name]) else {}
    return found if ("elsewhere" in found and "pid" not in found) or _whole(found, _PROCESS) else {}


def claimed(run_dir: str) -> bool:
    """Tell whether a run has ever been claimed, whatever has become of the record of it."""
    return os.path.lexists(os.path.join(run_dir, layout.SHIM))


def exit_of(run_dir: str) -> Dict[str, Any]:
    """Return how a run has ended: ``exit.json`` with all that it must say, or an empty record."""
    return _exit(json_inside(run_dir, layout.EXIT))


def note_of(run_dir: str) -> Dict[str, Any]:
    """Return how the script of a lost shim had ended, as far as the shim had come to record it, or an empty record.

    It is the content for ``exit.json`` if that had been written and not been renamed, else the note of the exit.
    """
    room = read_inside(run_dir, layout.EXIT_ROOM, 0, layout.EXIT_ROOM_BYTES)
    return _exit(_json(room[: layout.EXIT_NOTE_AT])) or _exit(_json(room[layout.EXIT_NOTE_AT :]))


def _json(padded: bytes) -> Any:
    try:
        return json.loads(padded.partition(b"\0")[0])
    except (ValueError, RecursionError):
        return {}


def _exit(found: Any) -> Dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    known = {name: check for name, check in _EXIT_TOO.items() if name in found}
    return found if _whole(found, {**_EXIT, **known}) else {}


def containers(run_dir: str) -> Dict[str, Any]:
    """Return ``{"kind", "path", "names"}`` of a run's containers, or an empty record."""
    found = json_inside(run_dir, layout.CONTAINER)
    return found if _whole(found, _CONTAINER) else {}
