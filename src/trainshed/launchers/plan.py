"""What a launcher answers, and the table of launchers."""

from __future__ import annotations

import importlib
from typing import Dict, List, NamedTuple, Tuple

from trainshed.errors import RunConfigurationException, did_you_mean

LAUNCHERS = {"single": "trainshed.launchers.single"}
"""Name → module with a function ``plan(argv, python) -> List[Process]``; adding a launcher is one file and one line."""


class Process(NamedTuple):
    """One process to start on a node.

    Attributes:
        name: ``"main"``, ``"rank_0"``, …: decides the name of its log.
        argv: what to execute.
        variables: what it finds in its environment besides what every process of the run does.
    """

    name: str
    argv: Tuple[str, ...]
    variables: Dict[str, str]


def plan(launcher: str, argv: Tuple[str, ...]) -> List[Process]:
    """Return the processes that ``launcher`` makes of one command.

    Args:
        launcher: a name in :data:`LAUNCHERS`.
        argv: the command of one process.

    Raises:
        RunConfigurationException: no such launcher.

    Example:
        >>> plan("single", ("python", "train.py"))[0].name
        'main'
    """
    if launcher not in LAUNCHERS:
        raise RunConfigurationException(
            f"There is no launcher {launcher!r}; there is {', '.join(sorted(LAUNCHERS))}."
            + did_you_mean(launcher, LAUNCHERS)
        )
    processes: List[Process] = importlib.import_module(LAUNCHERS[launcher]).plan(argv)
    return processes
