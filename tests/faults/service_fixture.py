"""A real service over a workspace of its own, driven through the API that every client uses."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from trainshed.client.embedded import connect
from trainshed.client.http import Connection
from trainshed.client.send import send
from trainshed.client.source import take
from trainshed.spec.record import to_json
from trainshed.spec.sweep import SweepSpec
from trainshed.system import process

THIS_PYTHON = {"kind": "existing", "interpreter": sys.executable}


class ServiceFixture:
    """A workspace with its service, and short methods for tests."""

    def __init__(self, root: Path, projects: Path) -> None:
        self.root = root
        self.projects = projects
        self.service: Connection = connect(str(root))

    def submit(self, script: str, sweep: SweepSpec | None = None, **spec: Any) -> str:
        """Submit a script given as text, or a sweep of it; return the run's id."""
        project = self.projects / secrets.token_hex(4)
        project.mkdir()
        (project / "train.py").write_text(script)
        snapshot = send(take(str(project)), self.service)
        whole = {"experiment": "faults", "script": "train.py", "snapshot": snapshot, "environment": THIS_PYTHON}
        body = {"submit_id": secrets.token_hex(16), "spec": {**whole, "grace_seconds": 2.0, **spec}}
        if sweep is not None:
            return str(self.service.call("POST", "/sweeps", {**body, "sweep": to_json(sweep)})["id"])
        return str(self.service.call("POST", "/runs", body)["id"])

    def wait(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended, and return its record."""
        while True:
            record: dict[str, Any] = self.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 30})
            if record["status"] in ("Completed", "Failed", "Canceled"):
                return record

    def log_until(self, run_id: str, text: str) -> str:
        """Follow the run's log until it contains ``text``; return what was read."""
        seen = ""
        pieces = self.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
        for piece in pieces:
            seen += piece.decode()
            if text in seen:
                return seen
        raise AssertionError(f"the log ended without {text!r}:\n{seen}")

    def log(self, run_id: str) -> str:
        """Return the whole log of a run."""
        return b"".join(self.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt")).decode()

    def service_pid(self) -> int:
        """Return the pid of the service, starting it if necessary."""
        return int(self.service.call("GET", "/service")["pid"])

    def kill_service(self) -> None:
        """Kill -9 the service and return when it is gone."""
        pid = self.service_pid()
        fd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        gone(fd)

    def shim(self, run_id: str) -> dict[str, Any]:
        """Return the identity of a run's shim."""
        found: dict[str, Any] = json.loads((self.root / "runs" / run_id / "shim.json").read_text())
        return found

    def alive(self, run_id: str) -> set[int]:
        """Return all processes of a run that are alive."""
        return process.family(None, f"TRAINSHED_RUN_ID={run_id}")


def ended(fd: int, within: float) -> bool:
    """Tell whether the process of a pidfd ends within so many seconds."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(within * 1000))


def gone(fd: int, seconds: float = 30) -> None:
    """Wait for the process of a pidfd to end."""
    assert ended(fd, seconds), "the process did not end"
    os.close(fd)
