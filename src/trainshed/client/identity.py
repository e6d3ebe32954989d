"""Have a service prove that it knows the token before it gets it: another program may have taken its address."""

from __future__ import annotations

import hmac
import os

from trainshed.client.wire import Wire
from trainshed.errors import AuthenticationException, ServiceException
from trainshed.system.jsons import loads
from trainshed.version import VERSION

_SECONDS = 30.0
_LARGEST = 1 << 16
_OK = 200


def prove(wire: Wire, host: str, token: str, place: str) -> None:
    """Return if what is at the other end of a new connection knows the token; otherwise close the connection.

    Args:
        wire: the connection.
        host: the Host header.
        token: what the other end must know.
        place: the address, for messages.

    Raises:
        AuthenticationException: it does not know the token.
        ServiceException: it cannot prove anything.
        OSError: the connection broke.
    """
    try:
        nonce = os.urandom(32).hex()
        expected = hmac.new(token.encode(), b"trainshed identity " + nonce.encode(), "sha256").hexdigest()
        proofs = _proofs(wire, host, nonce)
        if proofs is None:
            raise ServiceException(
                f"What answers at {place} cannot prove that it is your service, so nothing was sent to it: it is "
                f"another program, or an older release. Check the address, or install Trainshed {VERSION} where it "
                "runs."
            )
        if expected not in proofs:
            raise AuthenticationException(
                "The token is missing or wrong, or another program has taken the address: what answers at "
                f"{place} does not know the token, so nothing was sent to it. Run 'trainshed service access' where "
                "the service runs, which starts it if necessary, and use the address and the token that it prints."
            )
    except TimeoutError as error:
        wire.close()
        raise ServiceException(f"What listens at {place} does not answer. Check the address of the service.") from error
    except BaseException:
        wire.close()
        raise


def _proofs(wire: Wire, host: str, nonce: str) -> list[object] | None:
    """Return what the other end gives as proofs; None if it does not know what is asked."""
    head = f"GET /api/v1/identity?nonce={nonce} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: trainshed/{VERSION}\r\n\r\n"
    response = wire.exchange(head.encode("ascii"), None, _SECONDS)
    content = b""
    try:
        for piece in wire.body(response):
            content += piece
            if len(content) > _LARGEST:
                return None
        proofs = loads(content)["proofs"] if response.status == _OK else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return proofs if isinstance(proofs, list) else None
