from __future__ import annotations

import pytest

from trainshed.client import versions


@pytest.mark.parametrize(
    ("theirs", "ours", "order"),
    [
        ("0.2.0", "0.2.0", 0),
        ("0.2.0rc1", "0.2.0", 0),
        ("0.2.0.dev3", "0.2.0", 0),
        ("0.2.0+local.7", "0.2.0", 0),
        ("0.2", "0.2.0", 0),
        ("0.3.0rc1", "0.2.9", 1),
        ("0.10.0", "0.9.0", 1),
        ("1.0", "0.99.99", 1),
    ],
)
def test_two_releases_never_make_room_for_each_other_in_turns(
    theirs: str, ours: str, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one, other, sign in ((theirs, ours, order), (ours, theirs, -order)):
        monkeypatch.setattr(versions, "VERSION", other)
        assert (versions.newer(one), versions.older(one)) == (sign > 0, sign < 0)
    monkeypatch.setattr(versions, "VERSION", ours)
    assert (versions.refusal(theirs) is None) == (order == 0)
