"""Lists of runs: page by page from the service, each run as an object of its own class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainshed.errors import UserErrorException
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.api.runs.run import Run
    from trainshed.api.workspace.workspace import Workspace

_PAGE = 100
_STATES = sorted(states.ALL)

Labels = str | Mapping[str, str | None] | None
Factory = Callable[[Any, dict[str, Any]], Any]

factories: dict[str, Factory] = {}
"""Type of run → what makes its object, from its experiment and its record."""


def runs_of(
    workspace: Workspace, query: Mapping[str, Any], tags: Labels = None, properties: Labels = None
) -> Iterator[Run]:
    """Yield runs, newest first.

    Args:
        workspace: where they are.
        query: parameters of ``GET /runs``.
        tags: only runs that have this tag, or these tags with these values.
        properties: likewise.

    Raises:
        UserErrorException: a state that does not exist.
    """
    if query.get("status") not in (None, *_STATES):
        raise UserErrorException(f"There is no state {query['status']!r}; the states are {', '.join(_STATES)}.")
    before: int | None = None
    while True:
        asked = {**query, "limit": _PAGE, "before": before, "tag": _first(tags)}
        page = workspace.connection.call("GET", "/runs", query=asked)["runs"]
        for record in page:
            if fits(record["tags"], tags) and fits(record["properties"], properties):
                yield rehydrated(workspace, record)
        if len(page) < _PAGE:
            return
        before = page[-1]["seq"]


def rehydrated(workspace: Workspace, record: dict[str, Any]) -> Run:
    """Return the run of a record as an object of the class that belongs to its type.

    Args:
        workspace: where it is.
        record: what the service keeps of it.
    """
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run, ScriptRun

    experiment = Experiment(workspace, record["experiment"])
    if record["kind"] in factories:
        made: Run = factories[record["kind"]](experiment, record)
        return made
    return (ScriptRun if record["kind"] else Run)(experiment, record["id"], _record=record)


def _first(tags: Labels) -> str | None:
    """Return one tag for the service to filter by; the rest is done here."""
    if not tags:
        return None
    if isinstance(tags, str):
        return tags
    key, value = next(iter(tags.items()))
    return key if value is None else f"{key}={value}"


def fits(there: Mapping[str, str], wanted: Labels) -> bool:
    """Tell whether labels have what is wanted of them: a key, or keys with their values."""
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in there
    return all(key in there and value in (None, there[key]) for key, value in wanted.items())
