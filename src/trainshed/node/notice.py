"""Word of a coming end: what a batch system says beforehand is passed on to the script, and is told at the end."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.system import confined, process, signals

if TYPE_CHECKING:
    from typing import Any, Callable, Collection, Dict, Set

PREEMPTED, TIME_LIMIT = "preempted", "time_limit"
_SENTENCES = {
    PREEMPTED: "Slurm took the nodes of the run's job for a job of higher priority.",
    TIME_LIMIT: "The run's job was close to its time limit in Slurm.",
}
_AGAIN = "Submit the run again; with resume_from it goes on from what it has written to outputs/."
_FROM_OUTSIDE = frozenset({"exit", "signal", "rank_failed", "host_lost"})
"""Reasons that a script's end may have if it ends because of the word."""


def give(run_dir: str, cause: str = "") -> None:
    """Give the word, in the file that each process of a run can look at.

    Args:
        run_dir: the run directory.
        cause: :data:`PREEMPTED` or :data:`TIME_LIMIT`; it may be given later.
    """
    try:
        confined.append_inside(run_dir, layout.NOTICE, cause.encode())
    except OSError:
        return  # no room, or a script's own: it will have its SIGTERM


def given(run_dir: str) -> bool:
    """Tell whether the word has been given."""
    return confined.facts_inside(run_dir, layout.NOTICE) is not None


def tell(run_dir: str, pids: Set[int], others: Collection[int] = ()) -> None:
    """Send SIGTERM to those processes that handle it, and note that there are some.

    It would end the others at once, although they may look at the file, or at ``run.preempted``.

    Args:
        run_dir: the run directory.
        pids: the processes of the run on this node.
        others: those among them that only start or supervise ranks.
    """
    hearing = process.hearing(pids - set(others), signals.SIGTERM)
    for pid in hearing:
        try:
            os.kill(pid, signals.SIGTERM)
        except ProcessLookupError:
            continue
    if hearing:
        try:
            confined.append_inside(run_dir, layout.NOTICE_SEEN, b"")
        except OSError:
            return


class Notice:
    """Passes the word on, once.

    Args:
        run_dir: the run directory.
        pass_on: tells the processes.
    """

    def __init__(self, run_dir: str, pass_on: Callable[[], None]) -> None:
        self._run_dir = run_dir
        self._pass_on = pass_on
        self._passed = False

    def look(self) -> None:
        """Pass the word on if it has been given."""
        if not self._passed and given(self._run_dir):
            self._passed = True
            self._pass_on()


def explained(how: Dict[str, Any], run_dir: str) -> Dict[str, Any]:
    """Return the record of an end, which may have come because of the word.

    Args:
        how: the record.
        run_dir: the run directory.
    """
    if not given(run_dir):
        return how
    cause = confined.read_inside(run_dir, layout.NOTICE, 0, 64).decode(errors="replace")
    cause = cause if cause in _SENTENCES else PREEMPTED
    sentence = _SENTENCES[cause]
    if how["outcome"] == "completed":
        if confined.facts_inside(run_dir, layout.NOTICE_SEEN) is None:
            return {**how, "warnings": [*how.get("warnings", ()), f"{sentence} The script had ended before."]}
        message = "The script, which had been told, stopped with exit code 0."
    elif how["outcome"] == "failed" and how["reason"] in _FROM_OUTSIDE:
        message = how["message"]
    else:
        return how
    return {**how, "outcome": "failed", "reason": cause, "notice": cause, "message": f"{sentence} {message} {_AGAIN}"}
