"""The workspace's configuration: its folders, targets and datastores, as needed by nodes and the queue."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainshed.errors import ComputeTargetException, NotFoundException, UserErrorException, did_you_mean
from trainshed.service.target_names import STANDS_FOR, TargetNames
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import GRACE_SECONDS, RunSpec
from trainshed.spec.shape import check_grace
from trainshed.store.private import Private
from trainshed.store.registry import Registry
from trainshed.store.secrets import Secrets
from trainshed.targets.local import LOCAL
from trainshed.targets.parts import part_of, whole_of
from trainshed.targets.registry import kind_of, unknown

_GRACE = "TRAINSHED_GRACE_SECONDS"
DEFAULT_DATASTORES = ("workspaceblobstore", "workspacefilestore")


class WorkspaceRegistry:
    """The workspace's own records, with their defaults.

    Args:
        root: the workspace folder.
        records: the table of named records.
        secrets: the workspace's secrets, which include passwords of registries.

    Attributes:
        root: the workspace folder.
        requests: the whole requests of runs that have secrets and have not ended.
        names: names that stand for targets.
    """

    def __init__(self, root: Path, records: Registry, secrets: Secrets) -> None:
        self.root = root
        self._records = records
        self._secrets = secrets
        self.requests = Private(root / "private" / "runs")
        self.names = TargetNames(records)
        for name in DEFAULT_DATASTORES:
            folder = root / "datastores" / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(record["name"] == name for record in records.list("datastore")):
                records.put("datastore", name, {"name": name, "kind": "folder", "path": str(folder)})
        if not records.list("target"):
            records.put("target", LOCAL, {"name": LOCAL, "kind": LOCAL})

    def targets(self) -> list[dict[str, Any]]:
        """Return the records of all targets; the default number of slots is the machine's number of cores.

        Names that stand for targets have records like those of clusters, and ``"stands_for"``.
        """
        return self.names.shown(self._stored())

    def _stored(self) -> list[dict[str, Any]]:
        # One that is not whole, and so does not exist, must not hide the others.
        records = [each for each in self._records.list("target") if {"name", "kind"} <= each.keys()]
        return [{**each, "slots": kind_of(each).slots(each)} if each["kind"] == LOCAL else each for each in records]

    def set_target(
        self, name: str, changes: dict[str, Any], prove: Callable[[dict[str, Any]], object] = dict
    ) -> dict[str, Any]:
        """Change the settings of a target, or create one.

        Args:
            name: the target.
            changes: its settings; with ``"kind"`` it is created if necessary.
            prove: raises if a target with these settings cannot be used.

        Raises:
            ComputeTargetException: no such target.
            UserErrorException: an unknown setting or a value out of range.
        """
        record = self.target_with(name, changes)
        prove(record)
        self._records.put("target", name, record)
        return record

    def target_with(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the record that a target would have with these changes; see :meth:`set_target`."""
        known = {record["name"]: record for record in self.targets()}.get(name, {})
        there, stands_for = known.get("kind"), known.pop(STANDS_FOR, None)
        kind = changes.get("kind", there)
        if there is not None and kind != there:
            end = "unmap" if stands_for else "remove"
            raise UserErrorException(
                f"There is a target '{name}' already, of kind {there}. Choose another name"
                + ("." if there == LOCAL else f", or delete that one: trainshed target {end} {name}")
            )
        # What is made anew has nothing of what it was before, but for what says how its runs end.
        kept = {key: known[key] for key in ("grace_seconds",) if key in known}
        anew = "kind" in changes and kind != LOCAL
        whole = {**({"name": name, **kept} if anew else known or self.target(name)), **changes}
        return kind_of(whole).check(whole)

    def slots(self, name: str) -> int:
        """Return the number of slots of a target.

        Raises:
            ComputeTargetException: no such target.
        """
        record = self.target(name)
        return kind_of(record).slots(record)

    def grace_seconds(self, name: str) -> float:
        """Return the time between SIGTERM and SIGKILL for runs on a target that do not say it themselves.

        Raises:
            UserErrorException: the environment variable of the service is no such time.
        """
        own = next((each for each in self.targets() if each["name"] == whole_of(name)), {}).get("grace_seconds")
        if own is not None:
            return float(own)
        try:
            seconds: Any = float(os.environ.get(_GRACE) or GRACE_SECONDS)
        except ValueError:
            seconds = os.environ[_GRACE]
        check_grace(_GRACE, seconds)
        return float(seconds)

    def check_size(self, spec: RunSpec) -> None:
        """Raise if a run's target could never run it.

        Raises:
            UserErrorException: it has too few nodes or slots.
        """
        record = self.target(spec.target)
        kind_of(record).admit(record, spec)

    def resolved(self, spec: RunSpec) -> RunSpec:
        """Return what to run, with the target itself in place of a name that stands for it."""
        target = self.names.resolved(spec.target)
        return spec if target == spec.target else spec._replace(target=target)

    def drop_target(self, name: str) -> None:
        """Delete a target.

        Raises:
            ComputeTargetException: no such target, or this machine itself; or a name stands for it.
        """
        self.names.check_unused(name)
        if self.target(name)["kind"] == LOCAL:
            raise ComputeTargetException(f"'{name}' is this machine and cannot be deleted.")
        self._records.delete("target", name)

    def target(self, name: str) -> dict[str, Any]:
        """Return the record of a target, or of a part of one; see :func:`trainshed.targets.parts.part_of`.

        Raises:
            ComputeTargetException: no such target.
        """
        known = {record["name"]: record for record in self.targets()}
        if whole_of(name) not in known:
            raise unknown(whole_of(name), list(known))
        record = known[whole_of(name)]
        return record if record["name"] == name else part_of(record, name)

    def datastores(self) -> list[dict[str, Any]]:
        """Return the records of all datastores."""
        records = self._records.list("datastore")
        chosen = next(iter(self._records.list("setting")), {"name": DEFAULT_DATASTORES[0]})["name"]
        default = chosen if any(record["name"] == chosen for record in records) else DEFAULT_DATASTORES[0]
        return [{**record, "default": record["name"] == default} for record in records]

    def set_default_datastore(self, name: str) -> None:
        """Set the default datastore.

        Raises:
            NotFoundException: no such datastore.
        """
        self.datastore(name)
        self._records.put("setting", "default_datastore", {"name": name})

    def datastore(self, name: str) -> dict[str, Any]:
        """Return the record of one datastore.

        Raises:
            NotFoundException: no such datastore.
        """
        known = {record["name"]: record for record in self.datastores()}
        if name not in known:
            raise NotFoundException(
                f"There is no datastore '{name}'. Available: {', '.join(sorted(known))}.{did_you_mean(name, known)}"
            )
        return known[name]

    def add_datastore(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        """Register a folder as a datastore.

        Args:
            name: its name.
            record: ``{"kind": "folder", "path": absolute path}``.

        Raises:
            UserErrorException: another kind, or no such folder.
        """
        path = Path(str(record.get("path", "")))
        if record.get("kind") != "folder" or not path.is_absolute() or not path.is_dir():
            raise UserErrorException(f"Datastore '{name}' needs kind 'folder' and the absolute path of a folder.")
        made = {"name": name, "kind": "folder", "path": str(path)}
        self._records.put("datastore", name, made)
        return made

    def drop_datastore(self, name: str) -> None:
        """Delete a datastore's record; its files are kept."""
        self.datastore(name)
        self._records.delete("datastore", name)

    def check_data(self, spec: RunSpec) -> None:
        """Raise if the run refers to a datastore that does not exist."""
        for name in (*(item.datastore for item in spec.data), *(output.datastore for output in spec.outputs)):
            self.datastore(name)

    def private(self, spec: dict[str, Any]) -> dict[str, str]:
        """Return what a run needs but no record may contain, as files for its run directory.

        Args:
            spec: the request, as JSON.
        """
        container = from_json(RunSpec, spec).container
        if container is None or not container.username:
            return {}
        return {layout.REGISTRY_SECRET: self._secrets.get([container.secret])[container.secret] or ""}

    @property
    def name(self) -> str:
        """The workspace's name."""
        return str(self.facts().get("workspace_name") or self.root.name)

    def facts(self) -> dict[str, Any]:
        """Return the workspace's ``config.json``."""
        try:
            found: dict[str, Any] = json.loads((self.root / "config.json").read_text())
        except FileNotFoundError:
            return {}
        return found
