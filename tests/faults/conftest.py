"""The fixture of the tests of faults."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_fixture import ServiceFixture, gone

from trainshed.client.embedded import running


@contextlib.contextmanager
def serving(tmp_path: Path) -> Iterator[ServiceFixture]:
    """Serve an empty workspace; stopped, with all its runs, at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(tmp_path / "home"))
        root = tmp_path / "home" / "workspaces" / "test"
        root.mkdir(parents=True, mode=0o700)
        (tmp_path / "projects").mkdir()
        made = ServiceFixture(root, tmp_path / "projects")
        yield made
        for record in made.service.call("GET", "/runs", query={"limit": 1000})["runs"]:
            with contextlib.suppress(Exception):
                made.service.call("POST", f"/runs/{record['id']}/cancel")
                made.wait(record["id"])
        if (left := running(str(root))) is not None:
            pid = left.call("GET", "/service")["pid"]
            fd = os.pidfd_open(pid)
            left.call("POST", "/service/stop")
            gone(fd)


@pytest.fixture
def fixture(tmp_path: Path) -> Iterator[ServiceFixture]:
    """A service over an empty workspace; stopped, with all its runs, at the end of the test."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceFixture]:
    """As ``fixture``, for all tests of a module."""
    with serving(tmp_path_factory.mktemp("shared")) as made:
        yield made
