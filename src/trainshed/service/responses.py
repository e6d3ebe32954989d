"""Responses in JSON, of anything at all."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse

from trainshed.spec.floats import spelled


class ApiResponse(JSONResponse):
    """JSON in ASCII, because logged text may contain lone surrogates, which UTF-8 cannot represent."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a response."""
        try:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return json.dumps(spelled(content), allow_nan=False).encode()
