"""The rest of a sweep that has ended before all its runs were done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.spec import states
from trainshed.spec.checks import HIDDEN
from trainshed.spec.sweep import FROM_OUTSIDE


def rest_of(told: Mapping[str, Any], run_id: str, max_total_runs: int | None) -> dict[str, Any]:
    """Return a sweep, as JSON, that goes on where another one has ended.

    Runs that were canceled with the sweep, or failed for a reason outside of their scripts, come first, with the same
    parameters; then the sampling method goes on with the next ones.

    Args:
        told: what the service knows of the sweep that has ended.
        run_id: its id.
        max_total_runs: maximum number of runs; None for those that the sweep still had to do.

    Raises:
        UserErrorException: nothing is left to do.
    """
    sweep, trials = told["sweep"], told["trials"]
    old_resumed, old_first = sweep.get("resume_trials", []), sweep.get("first", [])
    again = [trial for trial in trials if _is_undone(trial)]
    resumed = [old_resumed[each["number"]] for each in again if each["number"] < len(old_resumed)]
    resumed += old_resumed[len(trials) :]
    first = [json.dumps(each["parameters"]) for each in again if each["number"] >= len(old_resumed)]
    first += old_first[max(len(trials) - len(old_resumed), 0) :]
    chosen = max(len(trials) - len(old_resumed) - len(old_first), 0)
    left = sweep["max_total_runs"] - len(trials) + len(again)
    if max_total_runs is None and left < 1:
        raise UserErrorException(
            f"Sweep '{run_id}' has done all its {sweep['max_total_runs']} runs. To try more parameters, pass the "
            "number of further runs as max_total_runs."
        )
    total = left if max_total_runs is None else max_total_runs
    return {
        **sweep,
        "max_total_runs": total,
        "max_concurrent_runs": min(sweep["max_concurrent_runs"], total),
        "resume_from": [run_id, *sweep.get("resume_from", [])],
        "resume_trials": resumed,
        "first": first,
        "begun": sweep.get("begun", 0) + len(old_resumed) + chosen - len(resumed),
    }


def _is_undone(trial: Mapping[str, Any]) -> bool:
    if trial["status"] in (states.COMPLETED, states.FAILED):
        return trial["status"] == states.FAILED and trial["reason"] in FROM_OUTSIDE
    return trial["stopped_at"] is None


def with_secrets(spec: Mapping[str, Any], run_id: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what each run of a sweep does, with the values of its environment variables, which are not kept.

    Args:
        spec: it, with ``***`` in place of the values.
        run_id: the sweep.
        variables: name → value.

    Raises:
        UserErrorException: a value is missing, or something else was secret.
    """
    known = {**spec.get("environment_variables", {}), **variables}
    missing = [name for name, value in known.items() if value == HIDDEN]
    if missing:
        raise UserErrorException(
            "The values of environment variables are not kept after a sweep has ended. "
            f"Pass {', '.join(missing)} again as environment_variables."
        )
    whole = {**spec, "environment_variables": known}
    if HIDDEN in json.dumps(whole):
        raise UserErrorException(
            f"The environment of sweep '{run_id}' contains a password or token, which is not kept after a sweep has "
            "ended. Submit a new sweep, with this one as resume_from."
        )
    return whole
