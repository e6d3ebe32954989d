"""Interprets how a run's processes ended: the content of ``exit.json``."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.node.ranks import Ranks
from trainshed.node.script import ProcessResult
from trainshed.spec import layout
from trainshed.spec.run import RunSpec
from trainshed.system import signals

if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_KILLED_IN_A_SHELL = 128 + signals.SIGKILL
"""Exit code of a shell whose last program was ended by SIGKILL."""
_CHILD = "The kernel ended a process of this run for lack of memory."
_PERHAPS = (
    "While the run was going on, the kernel ended a process on this machine for lack of memory; it may have been one "
    "of this run (see dmesg)."
)


def exit_record(result: ProcessResult, spec: RunSpec, ranks: Optional[Ranks], requested: bool) -> Dict[str, Any]:
    """Return the record of how a run ended.

    Args:
        result: how its processes ended.
        spec: the request.
        ranks: the ranks of a job of several processes.
        requested: whether the service has requested that the run be cancelled.
    """
    how: Dict[str, Any] = {"exit_code": result.code, "signal": result.number, "leftovers": result.leftovers}
    if result.cause == "cancel":
        return {**how, **terminated(requested)}
    if result.cause == "time_limit":
        limit = spec.max_run_duration_seconds
        message = f"The run was ended after {limit} s, its time limit (max_run_duration_seconds)."
        return {**how, "outcome": "failed", "reason": "time_limit", "message": message}
    made = _of_ranks(how, ranks, spec) if ranks is not None else _of_script(how, result)
    _blame_memory(made, spec, result.oom)
    return made


def terminated(requested: bool) -> Dict[str, Any]:
    """Return the record of a run whose shim received SIGTERM.

    Args:
        requested: whether the service has requested that the run be cancelled: otherwise it was somebody else.
    """
    if requested:
        return {"outcome": "canceled", "reason": "canceled_by_user", "message": "Cancelled."}
    message = "The machine was shut down, or an administrator ended the process that supervised the run (SIGTERM)."
    return {"outcome": "failed", "reason": "host_lost", "message": message}


def blame_disk(made: Dict[str, Any], full: str) -> Dict[str, Any]:
    """Return the record of an end on a full disk.

    Args:
        made: the record.
        full: which file system is full, as a sentence; ``""`` if it is not.
    """
    if full and made["outcome"] == "completed":
        return {**made, "warnings": [*made.get("warnings", ()), f"{full} Some of its files may be incomplete."]}
    if full and made["reason"] in ("exit", "signal", "rank_failed", "launch_failed"):
        message = f"{made['message']} {full} Free space there and submit the run again."
        return {**made, "reason": "disk_full", "message": message}
    return made


def _blame_memory(made: Dict[str, Any], spec: RunSpec, oom: bool) -> None:
    """Report a lack of memory; without a container of the run's own, only a SIGKILL by the kernel proves it."""
    failed, killed = made["outcome"] == "failed", made["signal"] == signals.SIGKILL
    if not oom:
        if failed and killed:
            made["message"] += " Trainshed did not send it; the machine was probably out of memory (see dmesg)."
        return
    if failed and (killed or spec.container is not None):
        made["reason"] = "oom"
        what = "The container exceeded its memory limit. Raise it (--memory in the docker arguments), or make the"
        if spec.container is None:
            what = (
                "The machine ran out of memory, so the kernel killed the process. Run fewer jobs at once, or make the"
            )
        made["message"] += f" {what} script use less."
        return
    made["warnings"] = [_CHILD if spec.container is not None else _PERHAPS]
    if failed:
        code = made["exit_code"] == _KILLED_IN_A_SHELL
        made["reason"] = "oom_child" if code else made["reason"]
        made["message"] += f" {_CHILD if code else _PERHAPS}"


def _of_script(how: Dict[str, Any], result: ProcessResult) -> Dict[str, Any]:
    if result.number is not None:
        message = f"The script was ended by {_signal_name(result.number)}."
        return {**how, "outcome": "failed", "reason": "signal", "message": message}
    if result.code:
        message = f"The script exited with exit code {result.code}."
        return {**how, "outcome": "failed", "reason": "exit", "message": message}
    return {**how, "outcome": "completed", "reason": "exit", "message": ""}


def _of_ranks(how: Dict[str, Any], ranks: Ranks, spec: RunSpec) -> Dict[str, Any]:
    """Name the rank that failed first; if none did and the job still failed, its starter did."""
    first = ranks.first_failure()
    if first is not None:
        title = f"{first['title'][0].upper()}{first['title'][1:]}"
        with_what = (
            f"was ended by {_signal_name(first['signal'])}"
            if first["signal"] is not None
            else f"exited with exit code {first['exit_code']}"
        )
        others = " The others were ended." if len(ranks.ends()) > 1 or spec.node_count > 1 else ""
        return {
            **how,
            "exit_code": first["exit_code"],
            "signal": first["signal"],
            "outcome": "failed",
            "reason": "rank_failed",
            "message": f"{title} on {first['node']} ({first['host']}) {with_what}.{others}",
            "rank": {name: first[name] for name in ("rank", "node", "host")},
            "rank_time": first["time"],
            "log": layout.rank_log(first["rank"]),
        }
    if how["exit_code"] == 0:
        return {**how, "outcome": "completed", "reason": "exit", "message": ""}
    what = "Open MPI's mpirun" if spec.launcher == "openmpi" else "The program that starts the processes"
    code = how["exit_code"] if how["signal"] is None else _signal_name(how["signal"])
    return {
        **how,
        "outcome": "failed",
        "reason": "launch_failed",
        "message": f"{what} ended with {code}, although no process of the run had failed.",
        "log": ranks.log,
    }


def _signal_name(number: Optional[int]) -> str:
    from signal import Signals  # only signals that have ended something need names

    try:
        return f"signal {number} ({Signals(int(number or 0)).name})"
    except ValueError:
        return f"signal {number}"
