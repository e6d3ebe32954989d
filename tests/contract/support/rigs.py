"""A target to try: a real service over a workspace of its own, and the machine that the target is on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import isolated
import pytest
import ssh_machine
from service_fixture import THIS_PYTHON, ServiceFixture, gone
from slurm_cluster import SlurmCluster
from wires import Wires

from trainshed.client.embedded import running
from trainshed.spec.sweep import SweepSpec

KINDS = ("local", "isolated", "slow", "ssh")
"""This machine; one that shares nothing with the service; the same with 200 ms of delay; and with a real sshd."""
SLURM = ("slurm", "slurm-ssh")
"""A Slurm cluster whose nodes share the workspace's folder with the service; and one behind a login host with a sshd."""
DELAY = {"slow": 0.1}
WAITS = """
import os, sys, time
def wait(name):
    while not os.path.exists(os.path.join(sys.argv[1], name)):
        time.sleep(0.02)
"""
"""Begins a script that can be made to wait for :meth:`Rig.go`; its first argument is :attr:`Rig.there`."""
FOREVER = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"
_ENDED = ("Completed", "Failed", "Canceled")


class Rig(ServiceFixture):
    """One target and its service, with words for what tests do to them.

    Args:
        kind: one of :data:`KINDS` or :data:`SLURM`.
        settings: further settings of the target.
        variables: ``NAME=value``, set on the machine.
        cluster: of Slurm, for the kinds that are on one.

    Attributes:
        target: its name.
        far: the machine; None for this one.
        wires: the connections to it.
        cluster: the cluster of Slurm that the target is, and which outlives the rig.
        shared: a folder of the machine, here; :attr:`there` is its path there.
    """

    def __init__(
        self,
        kind: str,
        settings: dict[str, Any] | None = None,
        variables: tuple[str, ...] = (),
        cluster: SlurmCluster | None = None,
    ) -> None:
        # A short path: those of sockets have a hundred characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="trainshed-"))
        root = self.folder / "home" / "workspaces" / "test"
        root.mkdir(parents=True, mode=0o700)
        (self.folder / "projects").mkdir()
        os.environ["TRAINSHED_HOME"] = str(self.folder / "home")
        os.environ["TRAINSHED_IDLE_SECONDS"] = "120"
        (root / "config.json").write_text('{"workspace_name": "test"}')
        self.cluster = cluster
        self._before = {"SLURM_CONF": os.environ.get("SLURM_CONF", "")}  # another rig may be up
        if cluster is not None and kind == "slurm":
            os.environ.update(cluster.environ)
        super().__init__(root, self.folder / "projects")
        self.kind = kind
        self.target = "local" if kind == "local" else kind
        self.far: isolated.IsolatedMachine | None = None
        self.wires: Wires | None = None
        self.shared = self.folder / "shared"
        self.there = str(self.shared)
        self.environment: dict[str, Any] = THIS_PYTHON
        if self.cluster is not None:
            self.shared.mkdir()
            self.target = "cluster"
            slurm: dict[str, Any] = {"kind": "slurm", "slots": 2, "poll_seconds": 1}
            if kind == "slurm-ssh":
                slurm.update(self.cluster.login(), folder=str(self.folder / "there"))
            self.put_target(self.target, {**slurm, **(settings or {})})
        elif kind == "local":
            self.shared.mkdir()
            self.put_target(self.target, settings or {"slots": 2})
        elif kind == "ssh":
            self.far = ssh_machine.SshMachine(self.folder / "far")
            self.shared, self.there = self.far.folder, "/mnt"
            self.wires = Wires(self.folder / "wire", [])
            self.far.configure(proxy=self.wires.connect)
            self.environment = {"kind": "existing", "interpreter": isolated.PYTHON}
            self.put_target(self.target, self.far.settings(**{"slots": 2, **(settings or {})}))
        else:
            self.far = isolated.IsolatedMachine(self.folder / "far")
            self.shared, self.there = self.far.folder, "/mnt"
            self.wires = Wires(self.folder / "wire", self.far.connect(*variables), DELAY.get(kind, 0.0))
            self.environment = {"kind": "existing", "interpreter": isolated.PYTHON}
            self.put_target(
                self.target, {"kind": "remote", "connect": self.wires.connect, "slots": 2, **(settings or {})}
            )

    def put_target(self, name: str, settings: dict[str, Any]) -> None:
        """Make a target or change it."""
        self.service.call("PUT", f"/targets/{name}", settings)

    def go(self, name: str) -> None:
        """Let a script that waits for ``name`` go on."""
        (self.shared / name).touch()

    def submit(self, script: str, sweep: SweepSpec | None = None, **spec: Any) -> str:
        """Submit a script given as text to the target, or a sweep of it; return the run's id."""
        return super().submit(script, sweep, **{"target": self.target, "environment": self.environment, **spec})

    def completed(self, script: str, **spec: Any) -> str:
        """Submit a script, wait for its end, and return the run's id."""
        run_id = self.submit(script, **spec)
        record = self.wait(run_id)
        assert record["status"] == "Completed", (record["details"].get("error"), self.log(run_id))
        return run_id

    def names(self, run_id: str) -> list[str]:
        """Return the names of the files of a run."""
        return [file["name"] for file in self.service.call("GET", f"/runs/{run_id}/files")["files"]]

    def read(self, run_id: str, name: str) -> bytes:
        """Return the content of a file of a run."""
        return b"".join(self.service.stream("GET", f"/runs/{run_id}/files/{name}"))

    def metrics(self, run_id: str) -> dict[str, Any]:
        """Return the metrics of a run."""
        found: dict[str, Any] = self.service.call("GET", f"/runs/{run_id}/metrics")["metrics"]
        return found

    def page(self, path: str) -> str:
        """Return what the page gets from the service."""
        request = urllib.request.Request(f"{self.service.base_url}/pages/data/{path}")
        request.add_header("x-trainshed-session", self._session())
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())

    def _session(self) -> str:
        code = json.dumps({"code": self.service.call("POST", "/page")["code"]}).encode()
        with urllib.request.urlopen(f"{self.service.base_url}/pages/data/login", code) as answer:
            return str(json.loads(answer.read())["session"])

    def states(self, run_id: str) -> list[str]:
        """Return every state that a run has been in."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.root / "history.db")) as database:
            sql = "SELECT status FROM run_events WHERE run = ? ORDER BY seq"
            return [row[0] for row in database.execute(sql, (run_id,))]

    @property
    def workspace_there(self) -> Path:
        """The workspace's folder on the machine, as seen from here."""
        if self.kind == "slurm-ssh":
            return next((self.folder / "there" / "workspaces").iterdir())
        return self.root if self.far is None else next((self.far.home / ".trainshed" / "workspaces").iterdir())

    def run_there(self, run_id: str) -> Path:
        """Return a run's directory on its machine, as seen from here."""
        return self.workspace_there / "runs" / run_id

    def shim(self, run_id: str) -> dict[str, Any]:
        """Return the identity of a run's shim, as its machine numbers it."""
        found: dict[str, Any] = json.loads((self.run_there(run_id) / "shim.json").read_text())
        return found

    def stop(self) -> None:
        """End all runs, the service and the machine."""
        if self.wires is not None:
            self.wires.go()
        for record in self.service.call("GET", "/runs", query={"limit": 1000})["runs"]:
            if record["status"] not in _ENDED:
                with contextlib.suppress(Exception):
                    self.service.call("POST", f"/runs/{record['id']}/cancel")
        self.quit()

    def quit(self) -> None:
        """Stop the service and the machine, whatever runs."""
        if (left := running(str(self.root))) is not None:
            fd = os.pidfd_open(left.call("GET", "/service")["pid"])
            left.call("POST", "/service/stop")
            gone(fd)
        if self.wires is not None:
            self.wires.close()
        if self.far is not None:
            self.far.stop()
        if self.cluster is not None:
            self.cluster.clear()
            os.environ.update(self._before)
        log = (self.root / "service.log").read_text(errors="replace")
        print(log, file=sys.stderr)
        shutil.rmtree(self.folder)
        assert "the service had an internal error" not in log.lower(), log


Make = Callable[..., Rig]
"""Makes a target for one test alone."""


def made_rig(kind: str, *args: Any, **more: Any) -> Rig:
    """Make a target that is no cluster, or skip the test where there can be none of its kind."""
    why_not = {"local": lambda: "", "ssh": ssh_machine.why_not}.get(kind, isolated.why_not)()
    if why_not:
        pytest.skip(why_not)
    return Rig(kind, *args, **more)
