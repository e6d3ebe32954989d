"""API route for checking that everything is as it was stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.service import verification
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, number
from trainshed.service.verification import Verifier

_EVERY = 0.2


async def verify(request: Request) -> Response:
    """GET /verify, with ``runs`` (separated by commas), ``part`` and ``parts``.

    The response has one line of JSON for each thing that is damaged (``{"damage": {…}}``), others in between for the
    progress (``{"done", "total"}`` in bytes), and last ``{"checked": {…}}``.
    """
    context: ServiceContext = request.app.state.context
    runs = tuple(filter(None, request.query_params.get("runs", "").split(",")))
    wanted = verification.Request(runs, number(request, "part", 1), number(request, "parts", 1))
    for run_id in runs:
        await run_in_threadpool(context.history.get, run_id)
    if not 1 <= wanted.part <= wanted.parts:
        raise UserErrorException(f"Part {wanted.part} of {wanted.parts} does not exist. Use 1 to {wanted.parts}.")
    return StreamingResponse(_lines(context, wanted), media_type="application/x-ndjson")


def _lines(context: ServiceContext, wanted: verification.Request) -> Iterator[bytes]:
    verifier = Verifier(context.root, context.database, context.registry, context.catalog, context.mirror, wanted)
    done, total, said = 0, verifier.total(), time.monotonic()
    for found in verifier.check():
        if isinstance(found, verification.Damage):
            yield _line({"damage": found._asdict()})
            continue
        done += found
        if time.monotonic() - said > _EVERY:
            said = time.monotonic()
            context.seen()
            yield _line({"done": done, "total": total})
    yield _line({"done": done, "total": total, "checked": dict(verifier.checked)})


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode("ascii") + b"\n"


ROUTES = [Route(f"{API}/verify", verify)]
