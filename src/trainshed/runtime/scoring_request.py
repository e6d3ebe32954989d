"""The whole request for a scoring script, as ``azureml.contrib.services.aml_request`` has it."""

import functools
import io
import json
from email.parser import BytesParser
from urllib.parse import parse_qs, urlsplit

__all__ = ["AMLRequest", "rawhttp"]

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

RAW = "_trainshed_rawhttp"
"""Attribute of a function that gets the whole request."""


class AMLRequest:
    """An HTTP request, with the names that Flask gives to its parts.

    Args:
        method: e.g. ``"POST"``.
        target: path and query.
        headers: headers.
        data: the body.

    Attributes:
        method: e.g. ``"POST"``.
        full_path: path and query.
        path: path without the query.
        query_string: the query.
        args: parameters of the query; of repeated ones the first.
        headers: headers; names in any case.
        data: the body.

    Example:
        >>> AMLRequest("GET", "/score?x=1", {}, b"").args
        {'x': '1'}
    """

    def __init__(self, method: str, target: str, headers: "Mapping[str, Any]", data: bytes) -> None:
        parts = urlsplit(target)
        self.method = method
        self.full_path = target
        self.path = parts.path
        self.query_string = parts.query.encode("latin-1", "replace")
        self.args = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.headers = headers
        self.data = data
        self._parts: "Optional[Tuple[Dict[str, str], Dict[str, File]]]" = None

    def get_data(
        self,
        cache: bool = True,
        as_text: bool = False,
        parse_form_data: bool = False,
    ) -> "Union[bytes, str]":
        """Return the body.

        Args:
            cache: ignored.
            as_text: decode it.
            parse_form_data: ignored.
        """
        return self.data.decode("utf-8", "replace") if as_text else self.data

    def get_json(
        self,
        force: bool = False,
        silent: bool = False,
        cache: bool = True,
    ) -> "Any":
        """Return the body, parsed as JSON.

        Args:
            force: ignored; any content type is accepted.
            silent: return None for a body that is not JSON.
            cache: ignored.

        Raises:
            ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.data.decode("utf-8"))
        except ValueError:
            if silent:
                return None
            raise

    @property
    def json(self) -> "Any":
        """The body, parsed as JSON."""
        return self.get_json()

    @property
    def form(self) -> "Dict[str, str]":
        """Fields of a form."""
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            found = parse_qs(self.data.decode("utf-8", "replace"), keep_blank_values=True)
            return {name: values[0] for name, values in found.items()}
        return self._multipart()[0]

    @property
    def files(self) -> "Dict[str, File]":
        """Files of a form, which can be read like open files."""
        return self._multipart()[1]

    def _multipart(self) -> "Tuple[Dict[str, str], Dict[str, File]]":
        if self._parts is None:
            fields, files = {}, {}
            kind = self.headers.get("Content-Type", "")
            if kind.startswith("multipart/"):
                head = "Content-Type: {}\r\nMIME-Version: 1.0\r\n\r\n".format(kind).encode("latin-1", "replace")
                for part in BytesParser().parsebytes(head + self.data).walk():
                    name = part.get_param("name", header="content-disposition")
                    if name is None or part.is_multipart():
                        continue
                    content = part.get_payload(decode=True) or b""
                    if part.get_filename() is None:
                        fields[str(name)] = bytes(content).decode("utf-8", "replace")
                    else:
                        files[str(name)] = File(bytes(content), str(part.get_filename()), part.get_content_type())
            self._parts = fields, files
        return self._parts


class File(io.BytesIO):
    """A file of a form.

    Args:
        content: its bytes.
        filename: name that the client gave it.
        content_type: e.g. ``"image/png"``.
    """

    def __init__(self, content: bytes, filename: str, content_type: str) -> None:
        super().__init__(content)
        self.filename = filename
        self.content_type = content_type


def rawhttp(function: "Callable[..., Any]") -> "Callable[..., Any]":
    """Have ``run`` called with the whole request, an :class:`AMLRequest`.

    Args:
        function: ``run`` of a scoring script.

    Example:
        >>> @rawhttp
        ... def run(request):
        ...     return request.method
    """

    @functools.wraps(function)
    def called(*args: "Any", **kwargs: "Any") -> "Any":
        return function(*args, **kwargs)

    setattr(called, RAW, True)
    return called
