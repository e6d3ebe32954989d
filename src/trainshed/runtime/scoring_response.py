"""A scoring script's own response, as ``azureml.contrib.services.aml_response`` has it."""

import json
from email.message import Message

__all__ = ["AMLResponse"]

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

_KIND = "Content-Type"
_FAILED = "x-ms-run-function-failed"


class Headers(Message):
    """Headers of a response: a mapping whose names may be in any case; a name may have several values."""

    def __setitem__(self, name: str, value: "Any") -> None:
        """Set a header, in place of its values so far."""
        del self[name]
        super().__setitem__(name, str(value))

    def add(self, name: str, value: "Any") -> None:
        """Add a value of a header to those that it has.

        Args:
            name: of the header.
            value: the value.
        """
        super().__setitem__(name, str(value))


class AMLResponse:
    """An HTTP response that ``run`` of a scoring script returns.

    Args:
        message: the body: bytes, text, or with ``json_str`` anything that JSON can hold. None is ``{}``.
        status_code: HTTP status.
        response_headers: more headers; one with commas is sent as several.
        json_str: send the body as JSON.
        run_function_failed: tell the caller that ``run`` failed, as with a status from 500 on.

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
        run_function_failed: bool = False,
    ) -> None:
        as_json = json_str or message is None
        self.status_code = int(status_code)
        self.headers = Headers()
        self.headers[_KIND] = "application/json" if as_json else "text/html; charset=utf-8"
        self.headers[_FAILED] = bool(run_function_failed)
        for name, value in (response_headers or {}).items():
            if name.lower() == _KIND.lower():
                if not as_json:
                    self.headers[_KIND] = value
            elif name.lower() != _FAILED:
                for each in str(value).split(","):
                    self.headers.add(name, each.strip())
        text = json.dumps({} if message is None else message) if as_json else message
        self.data = bytes(text) if isinstance(text, (bytes, bytearray)) else str(text).encode("utf-8")

    def get_data(self, as_text: bool = False) -> "Any":
        """Return the body.

        Args:
            as_text: decode it.
        """
        return self.data.decode("utf-8", "replace") if as_text else self.data
