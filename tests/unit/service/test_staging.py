"""What is said while large data is being sent to another machine."""

from __future__ import annotations

import pytest

from trainshed.service import staging


def test_it_is_said_how_much_has_been_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_EVERY", 0.0)
    said: list[str] = []
    flow = staging._Flow(lambda: False, said.append)
    piece = bytes(1 << 20)
    for _, size, pieces in flow.of([("a", 2 << 20, lambda: [piece, piece]), ("b", 1 << 20, lambda: [piece])], 3 << 20):
        assert sum(map(len, pieces())) == size
    flow.end()
    assert said == [*(f"sending what the run needs: {number} of 3 MB" for number in (1, 2, 3)), ""]


def test_what_is_not_wanted_any_more_is_not_sent() -> None:
    said: list[str] = []
    flow = staging._Flow(lambda: True, said.append)
    [(_, _, pieces)] = flow.of([("a", 1, lambda: [b"a"])], 1)
    with pytest.raises(staging.NotWanted):
        list(pieces())
    flow.end()
    assert said == []
