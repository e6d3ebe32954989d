"""The service's parts, created for one workspace folder."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.service.access import Access
from trainshed.service.bus import Bus
from trainshed.service.collect import Collector
from trainshed.service.garbage import GarbageCollector
from trainshed.service.garbage_elsewhere import GarbageElsewhere
from trainshed.service.machines import ServiceMachines
from trainshed.service.mirror import Mirror
from trainshed.service.outputs import Outputs
from trainshed.service.script_tree import assemble
from trainshed.service.shared import Shared
from trainshed.service.staging import Staging
from trainshed.service.supervisor import Supervisor
from trainshed.service.sweep import Parts
from trainshed.service.sweeps import SweepDriver
from trainshed.service.target_checks import TargetChecks
from trainshed.service.webservices.deployments import Deployments
from trainshed.service.webservices.runs import EXPERIMENT
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec import layout
from trainshed.store.catalog import Catalog
from trainshed.store.database import Database
from trainshed.store.experiments import Experiments
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.mlflow import Mlflow
from trainshed.store.private import Private
from trainshed.store.registry import Registry
from trainshed.store.removal import Removal
from trainshed.store.secrets import Secrets
from trainshed.store.snapshots import Snapshots
from trainshed.store.sweeps import Sweeps
from trainshed.system import files
from trainshed.version import VERSION
from trainshed.web.sessions import Sessions


class ServiceContext:
    """Everything that a request may need.

    Args:
        root: the workspace folder.
        home: Trainshed's home on this machine.
        port: port of the loopback address at which the service listens.
        access: the lasting token.
        sessions: the sessions of browsers.
    """

    def __init__(self, root: Path, home: Path, port: int, access: Access, sessions: Sessions) -> None:
        self.root = root
        self.home = home
        self.port = port
        self.database = Database(root / "history.db")
        self.history = History(self.database)
        self.metrics = Metrics(self.database)
        self.files = Files(self.database)
        self.outputs = Outputs(self.files)
        self.experiments = Experiments(self.database)
        self.catalog = Catalog(self.database)
        self.mlflow = Mlflow(self.database)
        self.secrets = Secrets(root / "secrets.json")
        self.snapshots = Snapshots(root / layout.SNAPSHOTS, self.database)
        records = Registry(self.database)
        self.registry = WorkspaceRegistry(root, records, self.secrets)
        self.environments = Private(root / "private" / "environments")
        runtime = assemble(home / "runtime")
        self.access = access
        self.sessions = sessions
        self.bus = Bus()
        self.mirror = Mirror(root / "runs")
        self.collector = Collector(self.history, self.metrics, self.files, self.catalog, self.mirror, self.outputs)
        self.staging = Staging(self.snapshots, self.registry, self.mirror, access.token, home)
        self.machines = ServiceMachines(root, home, runtime, port, self._ended)
        self.supervisor = Supervisor(
            Shared(self.history, self.collector, self.bus, self.registry, self.mirror, self.staging), self.machines
        )
        parts = Parts(self.history, self.metrics, Sweeps(self.database), self.registry.requests, self.supervisor)
        self.sweeps = SweepDriver(parts, self.bus, self.mirror)
        self.target_checks = TargetChecks(self.machines)
        removal = Removal(self.database, self.history)
        elsewhere = GarbageElsewhere(self.supervisor.elsewhere, self.history)
        self.garbage = GarbageCollector(
            root, home, removal, self.snapshots, runtime, self.supervisor.discard, elsewhere
        )
        self.deployments = Deployments(
            records,
            Private(root / "private" / "webservices"),
            self.history,
            self.supervisor,
            self.bus,
            self._remove_service,
        )
        for folder in (root, root / layout.SNAPSHOTS):
            files.sync_folder(str(folder))  # so that the folders made in them survive a power failure
        self.started = time.time()
        self.last_seen = time.monotonic()
        self.stop: Callable[[], None] = lambda: None

    def _remove_service(self, run_id: str) -> None:
        """Remove the run of a web service, and their experiment with the last one."""
        with contextlib.suppress(NotFoundException):  # the client that deleted the service may be faster
            self.garbage.remove_run(run_id, children=False)
        with contextlib.suppress(NotFoundException, UserErrorException):
            self.experiments.delete(EXPERIMENT)

    def _ended(self, run_id: str) -> None:
        self.supervisor.ended(run_id)

    def start(self) -> None:
        """Take up what an earlier service left, then work."""
        self.sweeps.prepare()
        self.supervisor.start()
        self.sweeps.start()
        self.deployments.start()

    def seen(self) -> None:
        """Record that a client is using the service."""
        self.last_seen = time.monotonic()

    def facts(self) -> dict[str, Any]:
        """Return facts about the service."""
        return {
            "pid": os.getpid(),
            "version": VERSION,
            "workspace": str(self.root),
            "started": self.started,
            "runs_active": len(self.history.active()),
        }

    def close(self) -> None:
        """Stop working; runs continue."""
        with contextlib.ExitStack() as last:  # the history is closed whatever happens to the others
            last.callback(self.database.close)
            last.callback(self.garbage.close)
            last.callback(self.supervisor.stop)
            last.callback(self.sweeps.stop)
            last.callback(self.deployments.stop)
            last.callback(self.target_checks.close)
