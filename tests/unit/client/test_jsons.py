"""The client's JSON says what the standard library's says, of whatever it is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainshed.client import jsons

VALUES: list[Any] = [
    {"a": [1, -2.5, None, True, "é\ud800\n"], "b": {"c": float("inf"), "d": 1e300, "e": []}},
    [],
    "text",
    0,
]


@pytest.mark.parametrize("value", VALUES)
def test_values(value: Any) -> None:
    text = jsons.dumps(value)
    assert text == json.dumps(value, separators=(",", ":"))
    assert jsons.loads(f" {text}\n".encode()) == value


@pytest.mark.parametrize("text", [b"", b"{", b"[1,", b'{"a" 1}', b"1 2", b'"\n"', b"nul", b"\xff", b"{}x", b"-"])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError) as theirs:  # noqa: PT011 - compared with the library's
        json.loads(text)
    with pytest.raises(ValueError) as ours:  # noqa: PT011
        jsons.loads(text)
    assert str(ours.value) == str(theirs.value)


def test_a_byte_order_mark_and_a_hook() -> None:
    assert jsons.loads(b'\xef\xbb\xbf{"a": {}}', len) == 1


def test_what_has_no_json() -> None:
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        jsons.dumps({"a": object()})


def test_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsons, "_json", None)
    for value in VALUES:
        assert jsons.loads(jsons.dumps(value).encode()) == value
