"""API routes for runs that the user's own program logs."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.journal_routes import names_for
from trainshed.service.requests import API, endpoint, field
from trainshed.service.routes import same_request
from trainshed.spec.checks import check_experiment_name, is_name
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.system import process
from trainshed.targets.witness import INTERACTIVE

_OUTCOMES = ("completed", "failed")


def begin(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/interactive: ``{"submit_id", "spec", "owner", "start", "run_id"}``."""
    owner = _owner(context, field(body, "owner", dict))
    spec = from_json(RunSpec, body.get("spec"))
    check_experiment_name(spec.experiment)
    if spec.snapshot is not None:
        context.snapshots.use(spec.snapshot)
    run_id = field(body, "run_id", (type(None), str)) or str(uuid.uuid4())
    if not is_name(run_id):
        raise UserErrorException(f"Invalid run id {run_id!r}. Use letters, digits, '_' and '-'.")
    spec = spec._replace(target=INTERACTIVE, kind=INTERACTIVE)
    start = bool(field(body, "start", bool, True))
    record = context.supervisor.begin(run_id, field(body, "submit_id", str), spec, owner, start)
    # The client may have chosen the run's id, which then is that of a run begun before, too.
    same_request(record, run_id if body.get("run_id") is None else "", spec)
    return names_for(context, request, record)


def _owner(context: ServiceContext, told: dict[str, Any]) -> dict[str, Any]:
    """Return what the run ends with: the run that its program belongs to, a process, or nothing observable.

    Raises:
        UserErrorException: not a valid process.
    """
    if told.get("run"):
        with contextlib.suppress(NotFoundException):
            return {"run": context.history.get(str(told["run"]))["id"]}
    if not isinstance(told.get("pid"), int) or not isinstance(told.get("boot"), str):
        raise UserErrorException(
            "The owner of an interactive run must be a process, {'pid', 'start', 'boot'}, or {'run'}."
        )
    who = {name: told.get(name) for name in ("pid", "start", "boot")}
    return who if process.alive(who) else {"elsewhere": who}


def start(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """POST /runs/{id}/start."""
    return context.supervisor.set_going(request.path_params["run"])


def end(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /runs/{id}/end: ``{"outcome": "completed" | "failed", "message", "code"}``."""
    outcome = field(body, "outcome", str)
    if outcome not in _OUTCOMES:
        raise UserErrorException(f"The outcome of a run must be one of {', '.join(_OUTCOMES)}, not {outcome!r}.")
    how = {"outcome": outcome, "reason": "exit", "message": field(body, "message", str, "")}
    return context.supervisor.end(request.path_params["run"], how)


ROUTES = [
    Route(f"{API}/runs/interactive", endpoint(begin), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/start", endpoint(start), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/end", endpoint(end), methods=["POST"]),
]
