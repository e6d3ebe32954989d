"""What the workers of all targets share, and what they do alike for runs on other machines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

from trainshed.errors import MachineUnreachableException, ServiceException, UserErrorException
from trainshed.machines.machine import Machine
from trainshed.service.attempts import attempt
from trainshed.service.bus import Bus
from trainshed.service.collect import Collector
from trainshed.service.mirror import Mirror
from trainshed.service.spec_file import describe
from trainshed.service.staging import Staging
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec import layout, states
from trainshed.store.history import History
from trainshed.store.private import lacks_secrets
from trainshed.targets.engine import Job

_SETTLE_EVERY = 5.0


class Shared(NamedTuple):
    """Each part may be called from any thread."""

    history: History
    collector: Collector
    bus: Bus
    registry: WorkspaceRegistry
    mirror: Mirror
    staging: Staging


def job_of(shared: Shared, machines: Sequence[Machine], record: dict[str, Any], gpus: dict[str, Any]) -> Job:
    """Return a run in the form that an engine needs, with everything it needs on its machine.

    Args:
        shared: history and files.
        machines: where it will run.
        record: the run's record, with its spec.
        gpus: its allocated GPUs.

    Raises:
        NotWanted: it was cancelled meanwhile.
        UserErrorException: its secrets are no longer kept.
        ServiceException: a machine beside the first does not answer.
    """
    run_id, here = record["id"], machines[0].shares_folder
    described = describe(shared.registry, record, shared.history.root_of(record), here)
    described["node_context"].update(gpus)
    shown = described["spec"]
    described["spec"] = {**shown, **shared.registry.requests.whole(run_id, {}), "grace_seconds": shown["grace_seconds"]}
    if lacks_secrets(described["spec"]):
        raise UserErrorException("The values of the run's environment variables are no longer kept. Submit it again.")
    private = shared.registry.private(record["spec"])
    if not here:
        in_place = shared.registry.target(record["target"]).get("shared", ())
        cancelled = lambda: bool(shared.history.get(run_id)["cancel_requested"])  # noqa: E731
        say = lambda text: shared.history.note(run_id, {"queue_reason": text})  # noqa: E731
        for machine in machines[1:]:
            try:
                shared.staging.send(machine, deepcopy(described), cancelled, in_place, say)
            except MachineUnreachableException as error:  # no reason to give up the first one
                raise ServiceException(error.message) from error
        shared.staging.send(machines[0], described, cancelled, in_place, say)
        private |= shared.staging.way_back(machines[0], described)
    if described["spec"] != shown:
        private[layout.SPEC_SECRET] = json.dumps(described["spec"])
        described |= {"spec": shown, "has_secrets": True}
    return Job(run_id, described, private)


def take_phases(shared: Shared, run_id: str) -> None:
    """Move a run to the states that its shim has recorded since the last time.

    Args:
        shared: history and files.
        run_id: the run.
    """

    def enter(phase: str, began: float) -> None:
        known = phase in (states.PREPARING, states.RUNNING)
        if known and shared.history.move(run_id, phase, now=began):
            shared.bus.publish(run_id)

    shared.collector.phases(run_id, enter)


class Follower:
    """Fetches what running runs write on another machine.

    Args:
        shared: history and files.
        machine: where they run.
        aside: runs a function in another thread.
        failed: called with each error; no other run suffers from it.
    """

    def __init__(
        self,
        shared: Shared,
        machine: Machine,
        aside: Callable[..., object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._shared = shared
        self._machine = machine
        self._aside = aside
        self._failed = failed
        self._settled = time.monotonic()

    def fetch(self, run_ids: list[str]) -> None:
        """Fetch new data of these runs, and from time to time their outputs that no longer change."""
        follow = partial(self._shared.mirror.follow, self._machine)
        new = attempt(follow, run_ids, failed=self._failed)
        if new is None:  # one by one, so that the run that is to blame stops no other
            new = {run_id for run_id in run_ids if attempt(follow, [run_id], failed=self._failed)}
        for run_id in new:
            self._shared.bus.publish(run_id)
        if time.monotonic() - self._settled > _SETTLE_EVERY:
            self._settled = time.monotonic()
            for run_id in run_ids:
                self._aside(self._shared.mirror.settle, self._machine, run_id)
