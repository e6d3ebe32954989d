"""Determines how a run ended from what its node recorded."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from trainshed.machines.machine import ABSENT, ENDED, Observation
from trainshed.service.advice import advice
from trainshed.service.attempts import why
from trainshed.spec import layout, states
from trainshed.targets.witness import INTERACTIVE

_TRACE = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?:: (.*))?\Z")
_SYNTAX = re.compile(
    r'  File "(?P<file>[^"\n]*)", line (?P<line>\d+)\n(?:[ \t].*\n|\n)*'
    r"(?P<type>SyntaxError|IndentationError|TabError): (?P<message>.*)\s*\Z"
)
_NOTED = (
    "The process that supervised the run was killed after the script had ended, of which it had left a note; what the "
    "script had left running has been ended."
)
_LEFT = (
    "When the run ended, nothing was heard of {hosts}. What it may still have there is ended and deleted once that "
    "answers again."
)
_OUTCOMES = {"completed": states.COMPLETED, "failed": states.FAILED, "canceled": states.CANCELED}


class FinalState(NamedTuple):
    """A terminal state, its reason, and what to add to the run's details.

    Attributes:
        status: one of the terminal states.
        reason: one of :data:`trainshed.spec.states.REASONS`.
        details: merged into the run's details; ``"witness"`` names what the verdict rests on: ``"shim"``, its
            ``"exit note"``, the ``"program"`` of an interactive run, ``"slurm"``, or, if these said nothing, the
            machine's ``"boot id"`` or ``"processes"``, or an empty ``"run directory"``.
        time: when it ended, in seconds since the epoch; None for now.
    """

    status: str
    reason: str
    details: dict[str, Any]
    time: float | None = None


def not_started(error: Exception, cancelled: bool) -> FinalState:
    """Return the end of a run that could not be started, or was cancelled before it was.

    Args:
        error: why it could not be.
        cancelled: it was cancelled.
    """
    if cancelled:
        return FinalState(states.CANCELED, "canceled_by_user", {})
    return FinalState(states.FAILED, "start_failed", {"error": {"code": "StartFailed", "message": f"{why(error)}."}})


def final_state(seen: Observation, tail: str, tail_of: str, record: dict[str, Any]) -> FinalState:
    """Return how a run ended.

    Args:
        seen: the last observation of its target.
        tail: the last lines of the most relevant log.
        tail_of: name of that log.
        record: the run's record.
    """
    by_hand = record["target"] == INTERACTIVE
    if seen.state == ENDED or seen.exit:
        how = seen.exit
        if how["reason"] == "canceled_by_admin" and record["cancel_requested"]:
            how = {**how, "reason": "canceled_by_user"}
        return _told(how, tail, tail_of, "program" if by_hand else str(how.get("witness", "shim")))
    if record["cancel_requested"] and (by_hand or seen.state == ABSENT):
        return FinalState(states.CANCELED, "canceled_by_user", {})
    if seen.state == ABSENT:
        return _lost(
            "start_failed",
            "The run could not be started on its node; service.log in the workspace folder may say why.",
            "run directory",
            tail,
        )
    if seen.rebooted:
        return _lost("host_lost", "The machine went down while the run was running on it.", "boot id", tail)
    if by_hand:
        return _lost(
            "program_lost",
            "The program that logged the run ended without calling run.complete() or run.fail().",
            "processes",
            tail,
            tail_of,
        )
    end = seen.reason or "was killed"
    message = f"The process that supervised the run {end}; everything that the run had started has been ended."
    return _lost("shim_lost", message, "processes", tail)


def _told(exit_record: dict[str, Any], tail: str, tail_of: str, witness: str) -> FinalState:
    details: dict[str, Any] = {
        "witness": witness,
        "exit": {name: exit_record.get(name) for name in ("exit_code", "signal", "leftovers")},
        "environment": exit_record.get("environment"),
        "warnings": [{"source": "environment", "message": note} for note in exit_record.get("warnings", ())],
    }
    if exit_record.get("attempt", 1) > 1:
        details["exit"]["attempt"] = exit_record["attempt"]
    if witness == "exit note":
        details["warnings"].append({"source": "node", "message": _NOTED})
    if exit_record["reason"] == "canceled_by_admin":
        details["warnings"].append({"source": "slurm", "message": exit_record["message"]})
    if exit_record.get("left_on"):
        hosts = ", ".join(exit_record["left_on"])
        details["warnings"].append({"source": "node", "message": _LEFT.format(hosts=hosts)})
    if exit_record["outcome"] == "failed":
        raised = _raised(tail) if exit_record["reason"] in ("exit", "rank_failed", "disk_full") else None
        said = f" User program failed with {': '.join(raised)}" if raised else ""
        details["error"] = {
            "code": "SystemError" if exit_record["reason"] in states.OF_THE_SYSTEM else "UserError",
            "reason": exit_record["reason"],
            "message": exit_record["message"] + said + advice(said, exit_record.get("environment") or {}),
            "phase": exit_record["phase"],
            "exit_code": exit_record.get("exit_code"),
            "signal": exit_record.get("signal"),
            "log": tail_of,
            "log_tail": tail,
            **({"rank": exit_record["rank"]} if exit_record.get("rank") else {}),
        }
        if raised:
            details["error"]["debugInfo"] = {"type": raised[0], "message": raised[-1], "stackTrace": tail}
    return FinalState(_OUTCOMES[exit_record["outcome"]], exit_record["reason"], details, exit_record["time"])


def _raised(tail: str) -> tuple[str, ...] | None:
    """Return type and message of the exception with which a log ends."""
    place = _SYNTAX.search(tail)
    if place:  # Python prints no traceback for a script that cannot be compiled
        return place["type"], f"{place['message']} ({place['file'].rpartition('/')[2]}, line {place['line']})"
    _, trace, after = tail.rpartition(_TRACE)
    # The message may have several lines; its first line follows the locations.
    first = next((line for line in after.splitlines() if line and not line[0].isspace()), "") if trace else ""
    found = _EXCEPTION.match(first)
    return tuple(part for part in found.groups() if part) if found else None


def _lost(reason: str, message: str, witness: str, tail: str, tail_of: str = layout.DRIVER_LOG) -> FinalState:
    error = {"code": "SystemError", "reason": reason, "message": message, "log": tail_of, "log_tail": tail}
    return FinalState(states.FAILED, reason, {"witness": witness, "error": error})
