"""Responses in JSON, of anything at all."""

from __future__ import annotations

import gzip
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trainshed.spec.floats import spelled


class ApiResponse(JSONResponse):
    """JSON in ASCII, because logged text may contain lone surrogates, which UTF-8 cannot represent."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a response."""
        try:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return json.dumps(spelled(content), allow_nan=False).encode()


_PACKED = 8 << 10
"""Bytes from which a body is compressed."""


def packed(request: Request, content: Any) -> Response:
    """Return a response in JSON that is compressed if it is long, and the client can read that.

    Args:
        request: what is answered.
        content: anything.
    """
    answer = ApiResponse(content)
    body = bytes(answer.body)
    if len(body) < _PACKED or "gzip" not in request.headers.get("accept-encoding", ""):
        return answer
    headers = {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(gzip.compress(body, 1), media_type="application/json", headers=headers)
