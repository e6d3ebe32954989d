"""Our JSON says what the standard library's says, of whatever it is given."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from trainshed.system import jsons

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


TEXTS = ["", "a", 'quote " \\ / \b\f\n\r\t', "é ü 漢 😀", "\u2028\ud800", "\x00\x1f\x7f", "a" * 3000]


def some(chance: random.Random, depth: int = 0) -> Any:
    """Return some value that JSON knows."""
    kind = chance.randrange(8 if depth < 4 else 6)
    if kind == 6:
        return [some(chance, depth + 1) for _ in range(chance.randrange(5))]
    if kind == 7:
        return {chance.choice(TEXTS) + str(number): some(chance, depth + 1) for number in range(chance.randrange(5))}
    plain = [None, True, False, chance.choice(TEXTS), chance.randint(-(2**70), 2**70), chance.gauss(0, 1) * 1e300]
    return plain[kind]


@pytest.mark.parametrize("seed", range(50))
def test_any_values(seed: int) -> None:
    made = [some(random.Random(seed * 100 + number)) for number in range(20)]
    text = json.dumps(made, separators=(",", ":"))
    assert jsons.dumps(made) == text
    assert jsons.loads(text) == made
    assert jsons.loads(json.dumps(made, indent=3).encode()) == made


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
