"""Calls to the service: JSON in, JSON out; its errors are raised here as the same exceptions."""

from __future__ import annotations

import os

from trainshed.client.wire import Response, Wire
from trainshed.errors import (
    TYPE_CHECKING,
    AuthenticationException,
    ServiceException,
    TrainshedError,
    UserErrorException,
    named,
)
from trainshed.system.jsons import dumps, loads
from trainshed.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    Body = Callable[[], Iterable[bytes]]
    Where = tuple[str, str] | tuple[str, str, str | None]
    Refresh = Callable[[], Where]
    Way = Callable[[], Wire | None]

API = "/api/v1"
_CALL_SECONDS = 300.0
_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds before the service is looked for again, where the one that was found or started has gone already."""
_ERROR = 400
_UNKNOWN = 401
_BY_SOCKET = "trainshed.invalid"
"""The host name sent over a Unix socket; a reserved domain that cannot exist on the Internet."""
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
_NOT_TWICE = frozenset({"/service/stop"})
"""POSTs that must not be repeated if the response was lost. All others can be: POST /runs carries a submit id."""


class Connection:
    """A connection to one service. Several threads may use it; each stream has its own socket.

    The token is sent only to a service that has proved that it knows it, or that listens at ``socket``.

    Args:
        base_url: e.g. ``"http://127.0.0.1:43117"``, or ``"unix:/path"`` of a socket.
        token: sent with each call.
        refresh: called if the service is not reachable; starts it and returns its new ``(base_url, token, socket)``.
            Without it, an unreachable service is an error at once.
        socket: the Unix socket to use instead of ``base_url`` if it is there; a process of this user must listen at it.

    Example:
        >>> Connection("http://127.0.0.1:9", "secret").base_url
        'http://127.0.0.1:9'
    """

    def __init__(self, base_url: str, token: str, refresh: Refresh | None = None, socket: str | None = None) -> None:
        self._refresh = refresh
        self._idle: list[Wire] = []
        self._pid = os.getpid()
        self._point_to(base_url, token, socket)

    def _point_to(self, base_url: str, token: str, socket: str | None = None) -> None:
        scheme, _, place = base_url.rstrip("/").partition(":")
        host, _, port = place.removeprefix("//").rpartition(":")
        self._unix = place if scheme == "unix" and place.startswith("/") else None
        if self._unix is None and (scheme != "http" or not host or not port.isdigit()):
            raise ServiceException(f"Service address {base_url!r} is not of the form http://host:port or unix:/path.")
        self.base_url = base_url.rstrip("/")
        self._place, self._token, self._own = place.removeprefix("//"), token, socket
        self._host, self._port = (_BY_SOCKET, 0) if self._unix else (host, int(port))
        self._named = _BY_SOCKET if self._unix or socket else self._place

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        seconds: float = _CALL_SECONDS,
    ) -> Any:
        """Make one call and return its JSON response.

        Args:
            method: ``"GET"``, ``"POST"``, ``"PUT"`` or ``"DELETE"``.
            path: path below ``/api/v1``, made with :func:`quoted`, e.g. ``"/runs"``.
            json: body to send as JSON, if not None.
            query: parameters; those that are None are left out, and each value of a list is one.
            seconds: how long the service may be silent.

        Raises:
            TrainshedError: the error raised in the service, as the same class.
            ServiceException: the service cannot be reached.
            AuthenticationException: what answers does not know the token.
        """
        body = None if json is None else _to_json(json)
        size = None if body is None else len(body)
        wire, response = self._ask(method, path, query, _one(body), size, "application/json", seconds)
        return _from_json(self._whole_body(wire, response))

    def upload(
        self,
        method: str,
        path: str,
        body: bytes | Body,
        length: int | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send raw bytes and return the JSON response.

        Args:
            method: ``"PUT"`` or ``"POST"``.
            path: as for :meth:`call`.
            body: the bytes, or a function that returns their pieces (called again when the call is repeated).
            length: number of bytes; needed when ``body`` is a function.
            query: as for :meth:`call`.

        Raises:
            TrainshedError: as :meth:`call`.
        """
        pieces = _one(body) if isinstance(body, bytes) else body
        size = len(body) if isinstance(body, bytes) else length
        wire, response = self._ask(method, path, query, pieces, size, "application/octet-stream")
        return _from_json(self._whole_body(wire, response))

    def stream(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> Iterator[bytes]:
        """Make a call and yield the bytes of its response as they arrive.

        Args:
            method: usually ``"GET"``.
            path: as for :meth:`call`.
            query: as for :meth:`call`.

        Raises:
            TrainshedError: as :meth:`call`, before the first byte.
            ServiceException: the connection broke; the caller can request the remaining bytes.
        """
        wire, response = self._ask(method, path, query, None, None, "", seconds=None)
        if response.status >= _ERROR:
            self._whole_body(wire, response)
        return self._pieces(wire, response)

    def _pieces(self, wire: Wire, response: Response) -> Iterator[bytes]:
        try:
            yield from wire.body(response)
        except OSError as error:
            raise ServiceException(
                f"The service at {self._place} closed the connection in the middle of a response."
            ) from error
        finally:
            self._give_back(wire)

    def close(self) -> None:
        """Close all idle sockets. The next call opens a new one."""
        while self._idle:
            self._idle.pop().close()

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Body | None,
        length: int | None,
        kind: str,
        seconds: float | None = _CALL_SECONDS,
    ) -> tuple[Wire, Response]:
        target = API + path + _query(query)
        problem: Exception | None = None
        for way in self._ways():
            wire = None
            try:
                wire = way()
                if wire is None:
                    continue
                response = wire.exchange(self._head(method, target, length, kind), body, seconds)
                if response.status != _UNKNOWN or self._refresh is None or way == self._renew:
                    return wire, response
                # Another service has come in the place of ours, at the same socket, and has another token.
                problem = AuthenticationException("the token is wrong")
                wire.close()
            except TimeoutError as error:
                raise ServiceException(
                    f"The service at {self._place} does not answer; see service.log in the workspace folder."
                ) from error
            except (AuthenticationException, ServiceException) as error:
                if self._refresh is None or way == self._renew:
                    raise
                problem = error  # another program has the address of our service, which has ended
            except OSError as error:
                problem = error
                if wire is not None:
                    wire.close()
                    if path in _NOT_TWICE:
                        break
        hint = (
            "Check the address, and run 'trainshed service status' or 'trainshed service start' where it runs."
            if self._refresh is None
            else "'trainshed service status' shows whether it is running; any other command starts it."
        )
        raise ServiceException(f"The service at {self._place} cannot be reached ({problem}). {hint}") from problem

    def _ways(self) -> Iterator[Way]:
        """Yield the ways to a service, each to be tried if none before it led to one."""
        yield self._reuse
        yield self._open
        if self._refresh is None:
            return
        yield self._renew
        from time import sleep

        for pause in _PAUSES:
            sleep(pause)  # it was killed again, and who does this may not be done yet
            yield self._renew

    def _head(self, method: str, target: str, length: int | None, kind: str) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._named}", f"Authorization: Bearer {self._token}"]
        lines.append(f"User-Agent: trainshed/{VERSION}")
        if length is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {length}"]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _reuse(self) -> Wire | None:
        if self._pid != os.getpid():
            # After a fork, the sockets belong to the parent; on a shared one, both would get each other's responses.
            self._idle, self._pid = [], os.getpid()
        while self._idle:
            wire = self._idle.pop()
            if wire.reusable:
                return wire
            wire.close()
        return None

    def _open(self) -> Wire:
        if self._own is not None:
            try:
                return Wire("", 0, self._own, own=True)
            except FileNotFoundError:
                pass  # it may be in a folder that we cannot see, for example in a container
        from trainshed.client.identity import prove  # a client on the service's machine does not need it

        wire = Wire(self._host, self._port, self._unix)
        prove(wire, self._named, self._token, self._place)
        return wire

    def _renew(self) -> Wire:
        assert self._refresh is not None
        self.close()
        self._point_to(*self._refresh())
        return self._open()

    def _give_back(self, wire: Wire) -> None:
        if wire.reusable:
            self._idle.append(wire)
        else:
            wire.close()

    def _whole_body(self, wire: Wire, response: Response) -> bytes:
        content = b"".join(self._pieces(wire, response))
        if response.status >= _ERROR:
            raise _error(response.status, content)
        return content


def quoted(*parts: str) -> str:
    """Return a URL path made of these parts, each escaped; slashes inside a part are kept.

    Args:
        parts: e.g. ``"runs"``, a run id, ``"files"``, ``"outputs/my model.pkl"``.

    Raises:
        UserErrorException: a part is empty, which would change the meaning of the path.

    Example:
        >>> quoted("runs", "r1", "files", "outputs/my model.pkl")
        '/runs/r1/files/outputs/my%20model.pkl'
    """
    if "" in parts:
        raise UserErrorException(f"A name is empty in {'/'.join(parts)}. Pass a name or an id.")
    return "".join("/" + _percent(part) for part in parts)


def _percent(text: str) -> str:
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def _query(query: Mapping[str, Any] | None) -> str:
    given = [(name, value if type(value) is list else [value]) for name, value in (query or {}).items()]
    pairs = [f"{name}={_percent(str(each))}" for name, values in given for each in values if each is not None]
    return "?" + "&".join(pairs) if pairs else ""


def _to_json(value: Any) -> bytes:
    return dumps(value).encode("ascii")


def _from_json(content: bytes) -> Any:
    hook: Any = None
    if b'"$float"' in content:  # such floats are rare, and decoding every object is slow
        from trainshed.spec.floats import unspelled as hook
    try:
        return loads(content, hook) if content else None
    except ValueError as error:
        raise ServiceException(
            "The response is not JSON, so it does not come from a service of this release."
        ) from error


def _error(status: int, content: bytes) -> TrainshedError:
    try:
        told = loads(content)["error"]
        return named(str(told["type"]))(str(told["message"]), told.get("details") or {})
    except (ValueError, KeyError, TypeError):
        return ServiceException(
            f"The service answered with HTTP status {status} and no explanation; its release may differ from ours."
        )


def _one(body: bytes | None) -> Body | None:
    return None if body is None else lambda: (body,)
