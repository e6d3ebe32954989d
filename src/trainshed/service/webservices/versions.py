"""The versions of a web service: the one that answers, and those that are starting to replace it.

A service's record has the facts of its newest version, and in ``versions`` each of them with its facts and its run; the
first one answers. ``failed`` is the last update if it failed. Each function returns a new record.
"""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
_OWN = ("name", "created", "updated", "run", "versions", "failed")
"""What a record has besides the facts of its newest version."""


def facts_of(record: Record) -> Record:
    """Return the facts of a service's newest version.

    Args:
        record: the service's.
    """
    return {key: value for key, value in record.items() if key not in _OWN}


def begun(old: Record | None, facts: Record, run_id: str, alive: bool, now: float) -> Record:
    """Return the record of a service with one more version.

    Args:
        old: its record, if it is there already.
        facts: of the version.
        run_id: the version's run.
        alive: whether the run of the version that answered so far goes on.
        now: the time.
    """
    before = list(old["versions"]) if old else []
    kept = before if alive else before[1:]
    generation = max((each["generation"] for each in before), default=0) + 1
    versions = [*kept, {"facts": facts, "run": run_id, "generation": generation}]
    return _with(old or {"created": now}, versions, now)


def answers(record: Record, run_id: str, now: float) -> Record:
    """Return the record once the run of a version answers: those before it are gone.

    Args:
        record: the service's.
        run_id: the version's run.
        now: the time.
    """
    return {**_with(record, record["versions"][_place(record, run_id) :], now), "failed": None}


def failed(record: Record, run_id: str, message: str, now: float) -> Record:
    """Return the record once the run of a version has failed, which another version survives.

    Args:
        record: the service's.
        run_id: the version's run.
        message: why it failed.
        now: the time.
    """
    rest = [each for each in record["versions"] if each["run"] != run_id]
    return {**_with(record, rest, now), "failed": {"run": run_id, "message": message}}


def again(record: Record, run_id: str, new_run: str, now: float) -> Record:
    """Return the record once a version has another run.

    Args:
        record: the service's.
        run_id: its run so far.
        new_run: its run from now on.
        now: the time.
    """
    place = _place(record, run_id)
    versions = list(record["versions"])
    versions[place] = {**versions[place], "run": new_run}
    return _with(record, versions, now)


def changed(record: Record, changes: Record, now: float) -> Record:
    """Return the record with facts that do not concern the runs changed in every version.

    Args:
        record: the service's.
        changes: the facts.
        now: the time.
    """
    versions = [{**each, "facts": {**each["facts"], **changes}} for each in record["versions"]]
    return _with(record, versions, now)


def runs_of(record: Record) -> list[str]:
    """Return the runs of all versions, in their order.

    Args:
        record: the service's.
    """
    return [str(each["run"]) for each in record["versions"]]


def _place(record: Record, run_id: str) -> int:
    return runs_of(record).index(run_id)


def _with(record: Record, versions: list[Record], now: float) -> Record:
    own = {key: value for key, value in record.items() if key in _OWN}
    return {**versions[-1]["facts"], **own, "run": versions[0]["run"], "versions": versions, "updated": now}
