"""Prepares the run's Python, and keeps facts about it for the run's details."""

from __future__ import annotations

import os

from trainshed.environments import Inside, prepare
from trainshed.errors import TYPE_CHECKING
from trainshed.node.logs import open_log
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Tuple

    from trainshed.environments.cache import CacheEntry


class Ready(Record):
    """An environment with which the script can be started.

    Attributes:
        python: path of its interpreter.
        variables: what it adds to the script's environment.
        facts: facts for the run's details.
        notes: messages for the user.
        entry: held until the run has ended, so that the environment is not pruned meanwhile.
    """

    python: str
    variables: Dict[str, str]
    facts: Dict[str, Any]
    notes: Tuple[str, ...]
    entry: Optional[CacheEntry]


def make_ready(
    request: EnvironmentSpec, node_context: Mapping[str, Any], log: str, inside: Optional[Inside] = None
) -> Ready:
    """Return the requested environment, building it if necessary.

    Args:
        request: the request.
        node_context: the part of ``spec.json`` that describes this node.
        log: file for the output of the build.
        inside: the image in which it will be used; None for this machine.

    Raises:
        EnvironmentBuildException: it cannot be built; the message contains the solver's error.
    """
    with os.fdopen(open_log(log), "ab", buffering=0) as file:
        made = prepare(request, node_context["home"], file, node_context.get("sites", ()), inside)
        for note in made.notes:
            file.write(f"Note: {note}\n".encode())
    added = dict(made.variables)
    if made.path_entries:
        added["PATH"] = os.pathsep.join(made.path_entries)
    facts = {
        "key": made.key,
        "solver": made.solver,
        "cached": made.cached,
        "python": made.python,
        "packages": list(made.resolved),
    }
    return Ready(made.python, added, facts, tuple(made.notes), made.entry)
