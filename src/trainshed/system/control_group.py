"""A control group (version 2) of a shim's own, where this user may make one.

All that a run starts is in the group of its shim, whatever it has done to its environment and to its parents. So what
it has left can be found even if the shim was killed. The group is made while the shim waits for a run, because joining
it may take the kernel 10 ms.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_PREFIX = "trainshed-"


def join(who: Mapping[str, Any]) -> str:
    """Make a group and move this process into it.

    Args:
        who: this process, as :func:`trainshed.system.process.identity` describes it.

    Returns:
        The group's folder; ``""`` if none can be had.
    """
    folder = _beside(who)
    if not folder:
        return ""
    try:
        os.mkdir(folder, 0o755)
        _move(os.getpid(), folder)
    except OSError:
        _remove(folder)
        return ""
    return folder


def leave(folder: str) -> int:
    """Move this process, which has got no run, out of its group, and remove that; return an exit code.

    Args:
        folder: the result of :func:`join`.
    """
    if folder:
        try:
            _move(os.getpid(), os.path.dirname(folder))
        except OSError:
            return 1
        _remove(folder)
    return 0


def members(who: Mapping[str, Any]) -> set[int]:
    """Return the pids in the group of a shim that is gone.

    Args:
        who: the shim, with the folder of its group in ``"group"``.
    """
    folder = _of(who)
    return {int(line) for line in _lines(os.path.join(folder, "cgroup.procs"))} if folder else set()


def remove(who: Mapping[str, Any]) -> None:
    """Remove the group of a shim that is gone; what goes on, such as a service that the run had started, is moved out.

    Args:
        who: as for :func:`members`.
    """
    folder = _of(who)
    if not folder or _remove(folder):
        return
    for pid in members(who):
        try:
            _move(pid, os.path.dirname(folder))
        except OSError:
            continue  # it has ended
    _remove(folder)


def sweep() -> None:
    """Remove the empty groups of shims of which no record is left; one with a process in it cannot be removed."""
    above = os.path.dirname(_beside({"pid": 0, "start": ""}))
    try:
        names = os.listdir(above) if above else []
    except OSError:
        return
    for name in names:
        if name.startswith(_PREFIX):
            _remove(os.path.join(above, name))


def _name(who: Mapping[str, Any]) -> str:
    return f"{_PREFIX}{who['pid']}-{who['start']}"


def _of(who: Mapping[str, Any]) -> str:
    """Return the group's folder if it can be that of this shim, for a script may have written to its record."""
    if "pid" not in who or "start" not in who:
        return ""
    folder = who.get("group") or _beside(who)
    if not isinstance(folder, str) or os.path.basename(folder) != _name(who):
        return ""
    mount = _mount()
    return folder if mount and os.path.realpath(folder).startswith(f"{mount}/") else ""


def _beside(who: Mapping[str, Any]) -> str:
    """Return where this process, or a shim that it has started, makes its group; ``""`` without version 2."""
    own = next((line[3:] for line in _lines("/proc/self/cgroup") if line.startswith("0::/")), "")
    mount = _mount()
    if not who or not mount or not own or "/.." in own:
        return ""
    above = f"{mount}{own}".rstrip("/")
    if os.path.basename(above).startswith(_PREFIX):
        above = os.path.dirname(above)  # our service was started within a run, whose group is to end with that run
    return os.path.join(above, _name(who))


def _mount() -> str:
    """Return where the whole tree of version 2 is mounted; ``""`` if it is not."""
    for line in _lines("/proc/self/mountinfo"):
        fields, _, more = line.partition(" - ")
        if more.startswith("cgroup2 ") and fields.split()[3] == "/":
            return fields.split()[4]
    return ""


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _move(pid: int, folder: str) -> None:
    with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(pid))


def _remove(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
