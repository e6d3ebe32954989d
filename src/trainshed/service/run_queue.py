"""Decides which queued runs of a target start next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from trainshed.service.attempts import attempt
from trainshed.service.gpus import wanted
from trainshed.spec.run import WEBSERVICE
from trainshed.store.history import History

LOOKAHEAD = 32
Record = dict[str, Any]


def size(spec: dict[str, Any]) -> int:
    """Return the number of slots that a run uses on all its nodes together; a web service, which does not end, none."""
    return 0 if spec.get("kind") == WEBSERVICE else int(spec["slots"]) * int(spec.get("node_count", 1))


class Held(Protocol):
    """What a target's runs hold.

    Attributes:
        runs: those that have slots; a run that was started and is not among them has already ended.
    """

    runs: dict[str, int]

    def slots(self, spec: dict[str, Any]) -> int:
        """Return the slots that a run takes."""


def needs(held: Held, spec: dict[str, Any]) -> tuple[int, int]:
    """Return the slots that a run takes, and the GPUs that it uses on each node."""
    return held.slots(spec), wanted(spec)


def fill(
    history: History,
    target: str,
    free: int,
    held: Held,
    take_gpus: Callable[[Record], bool],
    start: Callable[[str], None],
    fail: Callable[[str, Exception], None],
) -> None:
    """Start runs in the order of the queue until no slot is free or no queued run can start.

    Args:
        history: the table of runs.
        target: name of the target.
        free: its free slots.
        held: the slots that runs have.
        take_gpus: allocates GPUs and slots to a run; returns False if the run has to wait for GPUs.
        start: starts a run.
        fail: ends a run whose request cannot be read.
    """
    before, pending, begun = (-1, False), False, 0
    while (begun, pending) != before:
        before = begun, pending
        # However many runs wait for GPUs, those without GPUs are considered too. Web services come first, and need no
        # slot.
        queued = history.queued(target, limit=LOOKAHEAD if free > 0 else 1, without_gpus=pending)
        for record in (each for each in queued if each["id"] not in held.runs):
            needed = attempt(needs, held, record["spec"], failed=partial(fail, record["id"]))
            if needed is None:
                continue
            slots, gpus = needed
            if slots > max(free, 0):
                # Runs start in the order of submission, even if a later, smaller one would fit.
                return
            if pending and gpus:
                continue  # nor does it take GPUs for which an earlier run waits
            if not take_gpus(record):
                pending = True  # runs without GPUs can start meanwhile
            elif record["id"] in held.runs:
                start(record["id"])
                begun += 1
                free -= slots if record["id"] in held.runs else 0
