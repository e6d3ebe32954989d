"""A folder of another user's, and one cache of packages for the services of all tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_user import USER, interpreter, python


@pytest.fixture(autouse=True)
def downloads(shared_uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the services have one cache of packages."""
    monkeypatch.setenv("UV_CACHE_DIR", str(shared_uv_cache))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the other user's."""
    if os.getuid() != 0:
        pytest.skip("only root can run a program as another user")
    if python() is None:
        pytest.skip("no Python of this version that another user can start")
    with tempfile.TemporaryDirectory(prefix="other-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, USER, USER)
        Path(folder).chmod(0o755)
        interpreter(Path(folder))
        yield Path(folder)
