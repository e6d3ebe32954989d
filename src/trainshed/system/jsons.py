"""JSON by CPython's own scanner and encoder, which :mod:`json` wraps: that module imports ``re``, and takes 7 ms."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

try:
    import _json
except ImportError:  # another Python than CPython
    _json = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Hook = Callable[[dict[str, Any]], Any]


class _Scanner:
    """What :class:`json.JSONDecoder` tells the scanner."""

    strict = True
    object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = staticmethod(float)

    def __init__(self, hook: Hook | None) -> None:
        self.object_hook = hook
        self.memo: dict[str, str] = {}


def loads(content: bytes | str, hook: Hook | None = None) -> Any:
    """Return what a JSON text says.

    Args:
        content: the text.
        hook: called with each object; it returns what stands for it.

    Raises:
        ValueError: no JSON.
    """
    try:
        text = (content.decode() if isinstance(content, bytes) else content).strip(" \t\n\r")
        value, end = _json.make_scanner(_Scanner(hook))(text, 0)  # type: ignore[arg-type]
        if end == len(text):
            return value
    except (AttributeError, ValueError, StopIteration, SystemError):
        pass
    import json  # says what is wrong with the text, and where

    return json.loads(content, object_hook=hook)


def dumps(value: Any) -> str:
    """Return a value as JSON in ASCII, without spaces.

    Raises:
        TypeError: there is no JSON for it.
    """
    if _json is None:
        import json

        return json.dumps(value, separators=(",", ":"))
    encode = _json.make_encoder({}, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, True)
    return "".join(encode(value, 0))


def _refuse(value: Any) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
