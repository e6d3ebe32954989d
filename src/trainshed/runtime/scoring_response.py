"""A scoring script's own response, as ``azureml.contrib.services.aml_response`` has it."""

import json

__all__ = ["AMLResponse"]

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional


class AMLResponse:
    """An HTTP response that ``run`` of a scoring script returns.

    Args:
        message: the body: bytes, text, or with ``json_str`` anything that JSON can hold.
        status_code: HTTP status.
        response_headers: more headers.
        json_str: send the body as JSON.

    Attributes:
        headers: headers, which can be changed.

    Example:
        >>> AMLResponse({"ok": True}, 200, json_str=True).get_data()
        b'{"ok": true}'
    """

    def __init__(
        self,
        message: "Any",
        status_code: int,
        response_headers: "Optional[Mapping[str, Any]]" = None,
        json_str: bool = False,
    ) -> None:
        kind = "application/json" if json_str else "text/html; charset=utf-8"
        self.status_code = int(status_code)
        self.headers = {"Content-Type": kind}
        self.headers.update({str(name): str(value) for name, value in (response_headers or {}).items()})
        text = json.dumps(message) if json_str else message
        self.data = bytes(text) if isinstance(text, (bytes, bytearray)) else str(text).encode("utf-8")

    def get_data(self, as_text: bool = False) -> "Any":
        """Return the body.

        Args:
            as_text: decode it.
        """
        return self.data.decode("utf-8", "replace") if as_text else self.data
