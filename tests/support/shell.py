"""The command line, as it is typed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainshed.cli.main import main


class Shell:
    """Types commands and reads what comes."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *words: object, code: int = 0) -> str:
        self._capfd.readouterr()
        returned = main([str(word) for word in words])
        out, self.err = self._capfd.readouterr()
        assert returned == code, self.err
        return out

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))
