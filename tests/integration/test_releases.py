"""Client and service of different releases meet."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from trainshed import Workspace
from trainshed.client import embedded
from trainshed.client.http import Connection
from trainshed.errors import ServiceException
from trainshed.version import VERSION


def endpoint(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace.path / "service.json").read_text())
    return found


def claim(workspace: Workspace, version: str) -> int:
    """Let the service that runs be of another release; return its pid."""
    pid = workspace.connection.call("GET", "/service")["pid"]
    path = workspace.path / "service.json"
    path.write_text(json.dumps({**endpoint(workspace), "version": version}))
    return int(pid)


def test_an_older_service_makes_room(workspace: Workspace) -> None:
    pid = claim(workspace, "0.0.1")
    assert embedded.connect(str(workspace.path)).call("GET", "/service")["pid"] != pid


def test_a_newer_service_is_never_stopped(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = claim(workspace, "99.1.2")
    with pytest.raises(
        ServiceException,
        match=rf"is Trainshed 99\.1\.2, which is newer than this client \({VERSION}\)\. Install Trainshed 99",
    ):
        embedded.connect(str(workspace.path))
    os.kill(pid, 0)
    # A script that began before the upgrade goes on.
    monkeypatch.setenv("TRAINSHED_SERVICE_PATH", "/somewhere")
    assert embedded.connect(str(workspace.path)).call("GET", "/service")["pid"] == pid


def test_a_later_fix_of_this_release_is_used(workspace: Workspace) -> None:
    pid = claim(workspace, f"{VERSION.rpartition('.')[0]}.999")
    assert embedded.connect(str(workspace.path)).call("GET", "/service")["pid"] == pid


def test_what_a_service_lacks_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServiceException, match=rf"Trainshed {VERSION}, does not support GET /api/v1/nothing\.$"):
        workspace.connection.call("GET", "/nothing")
    monkeypatch.setattr("trainshed.client.http.VERSION", "99.0")
    newer = Connection(workspace.connection.base_url, endpoint(workspace)["token"])
    with pytest.raises(
        ServiceException, match=r"does not support POST /api/v1/nothing. The client is 99\.0\. Install the same"
    ):
        newer.call("POST", "/nothing")
    newer.close()


def test_a_newer_history_is_refused_in_one_sentence(workspace: Workspace) -> None:
    pid = workspace.connection.call("GET", "/service")["pid"]
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    from service_fixture import gone

    gone(fd)
    history = workspace.path / "history.db"
    database = sqlite3.connect(history)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.execute("PRAGMA user_version = 99")
    database.close()
    content = Path(history).read_bytes()
    with pytest.raises(ServiceException, match=r"newer Trainshed.*pip install --upgrade trainshed") as caught:
        embedded.connect(str(workspace.path)).call("GET", "/runs")
    assert "Traceback" not in str(caught.value)
    assert history.read_bytes() == content
    database = sqlite3.connect(history)
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
