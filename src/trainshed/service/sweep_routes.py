"""API routes for sweeps."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field
from trainshed.service.routes import keep_diff
from trainshed.spec.checks import check_run_spec, is_name
from trainshed.spec.codec import from_json
from trainshed.spec.floats import spelled
from trainshed.spec.run import RunSpec
from trainshed.spec.sweep import SweepSpec
from trainshed.spec.sweep_checks import check_sweep


def submit(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /sweeps: ``{"submit_id", "sweep", "spec": what each trial runs, "run_id"}``."""
    submit_id = field(body, "submit_id", str)
    sweep = check_sweep(from_json(SweepSpec, body.get("sweep")))
    trial = check_run_spec(from_json(RunSpec, body.get("spec")))
    if trial.snapshot is not None:
        context.snapshots.use(trial.snapshot)
    run_id = field(body, "run_id", (type(None), str)) or f"HD_{uuid.uuid4()}"
    if not is_name(run_id):
        raise UserErrorException(f"Invalid run id {run_id!r}. Use letters, digits, '_' and '-'.")
    record = context.sweeps.submit(run_id, submit_id, sweep, trial)
    keep_diff(context, record, body)
    return record


def get_sweep(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /runs/{id}/sweep: the sweep, and its trials with the best value of each."""
    return {key: spelled(value) for key, value in context.sweeps.describe(request.path_params["run"]).items()}


ROUTES = [
    Route(f"{API}/sweeps", endpoint(submit), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/sweep", endpoint(get_sweep)),
]
