"""HTTP as a web service speaks it: the head of a request becomes a :class:`Request`, an answer becomes bytes.

The standard library's own server takes several times as long for a request as most models do; see benchmarks/deploy.py.
"""

import time
from email.message import Message
from http import HTTPStatus

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    Pairs = List[Tuple[str, str]]
    Answer = Tuple[int, bytes, Sequence[Tuple[str, str]]]

UNKNOWN = -1
"""Length of a body of which the head does not tell it."""
_PHRASES = {int(each): each.phrase for each in HTTPStatus}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ONCE = ("content-length", "host", "transfer-encoding")
"""Where two of them were read differently by two programs, one request could be taken for two."""


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: for the caller.
        headers: more headers.
    """

    def __init__(self, status: int, message: str, headers: "Sequence[Tuple[str, str]]" = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class Request:
    """A request, of which the body may still be on its way.

    Args:
        method: e.g. ``"POST"``.
        target: path and query.
        fields: headers by their names in lower case.
        pairs: headers as they were sent.

    Attributes:
        length: bytes of the body, or :data:`UNKNOWN`.
        keep: keep the connection for the next request.
        body: the body, once all of it is there.
        answer: what is answered without asking the script.
        more: headers of the answer that are known before it is.
    """

    __slots__ = ("answer", "body", "fields", "keep", "length", "method", "more", "old", "pairs", "target")

    def __init__(self, method: str, target: str, fields: "Dict[str, str]", pairs: "Pairs", old: bool) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.pairs = pairs
        self.body = b""
        self.answer: "Optional[Answer]" = None
        self.more: "Pairs" = []
        self.old = old
        kind = fields.get("connection")
        if kind is None:
            self.keep = not old
        else:
            self.keep = "keep-alive" in kind.lower() if old else "close" not in kind.lower()
        text = fields.get("content-length", "0")
        plain = text.isdigit() and text.isascii() if hasattr(text, "isascii") else text.isdigit()
        self.length = int(text) if plain and len(text) < 16 and "transfer-encoding" not in fields else UNKNOWN

    @property
    def headers(self) -> "Any":
        """The headers; names in any case."""
        made = Message()
        for name, value in self.pairs:
            made[name] = value
        return made


def parse(head: bytes) -> Request:
    """Return the request with this head, which ends before the empty line.

    Args:
        head: request line and headers.

    Raises:
        Refused: it is not HTTP.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not words[1]:
        raise Refused(400, "The request is not HTTP/1.1.")
    fields: "Dict[str, str]" = {}
    pairs: "Pairs" = []
    for line in lines:
        name, colon, value = line.partition(":")
        key, value = name.lower(), value.strip()
        if not colon or not name or name[0] in " \t" or name[-1] in " \t" or "\n" in line:
            raise Refused(400, "A header of the request is not 'NAME: VALUE'.")
        if key in fields:
            if key in _ONCE:
                raise Refused(400, "The request has the header {} twice.".format(name[:100]))
            fields[key] += ", " + value
        else:
            fields[key] = value
        pairs.append((name, value))
    return Request(words[0], words[1], fields, pairs, words[2] == "HTTP/1.0")


def compose(request: "Optional[Request]", answer: "Answer", keep: bool) -> bytes:
    """Return an answer as bytes.

    Args:
        request: what is answered; None for something that was no request.
        answer: status, body and headers.
        keep: keep the connection.
    """
    status, body, headers = answer
    parts = ["HTTP/1.1 {} {}".format(status, _PHRASES.get(status, "Unknown")), _date()]
    parts += ["{}: {}".format(name, value) for name, value in headers]
    if request is not None:
        parts += ["{}: {}".format(name, value) for name, value in request.more]
    if status >= 200 and status not in (204, 304):
        parts.append("Content-Length: {}".format(len(body)))
    if not keep:
        parts.append("Connection: close")
    elif request is not None and request.old:
        parts.append("Connection: keep-alive")
    text = "\r\n".join(parts)
    if text.count("\n") != len(parts) - 1 or text.count("\r") != len(parts) - 1:
        # A line break in a value would begin another header, or another answer.
        text = "\r\n".join(part.replace("\r", " ").replace("\n", " ") for part in parts)
    bare = (request is not None and request.method == "HEAD") or status in (204, 304)
    return (text + "\r\n\r\n").encode("latin-1", "replace") + (b"" if bare else body)


_dated = (0, "")


def _date() -> str:
    """Return the header Date, which is made once a second."""
    global _dated  # noqa: PLW0603 - it is a cache
    now = int(time.time())
    if _dated[0] != now:
        at = time.gmtime(now)
        form = "Date: {}, {:02d} {} {} {:02d}:{:02d}:{:02d} GMT"
        day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
        _dated = (now, form.format(day, at.tm_mday, month, at.tm_year, at.tm_hour, at.tm_min, at.tm_sec))
    return _dated[1]
