"""A log is printed as it arrives, whatever its pieces are."""

from __future__ import annotations

import io
import sys

import pytest

from trainshed.api.runs.watch import _copy


def test_a_character_may_come_in_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()  # which takes text alone, as in a notebook
    monkeypatch.setattr(sys, "stdout", out)
    log = "caf\u00e9 \u2603 done\n".encode()
    _copy("log", [log[at : at + 1] for at in range(len(log))])
    assert out.getvalue().endswith("caf\u00e9 \u2603 done\n")
