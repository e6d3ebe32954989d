"""What is said of a program that could not build an environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainshed.environments import commands


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo error: no such package; exit 2", "It cannot be built:\nerror: no such package"),
        ("echo working; kill -9 $$", "It cannot be built:\nuv was ended by signal 9 (SIGKILL), probably by the kernel"),
        ("kill -15 $$", "It cannot be built:\nuv was ended by signal 15 (SIGTERM)."),
    ],
)
def test_a_builder_that_was_killed_is_told_from_one_that_failed(tmp_path: Path, script: str, says: str) -> None:
    with (tmp_path / "log").open("wb") as log:
        context = commands.BuildContext(str(tmp_path), log)
        code, output = commands.run(["sh", "-c", script], dict(os.environ), context)
    assert commands.failure("It cannot be built", "uv pip", code, output).message.startswith(says)
