"""What must be true of a workspace folder after a power failure, checked by the code that reads it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from operation_log import OperationLog, Sent
from power_loss import Files

from trainshed.client import endpoint
from trainshed.errors import TrainshedError
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.files import Files as Manifests
from trainshed.store.history import History
from trainshed.store.journal import events_of
from trainshed.store.metrics import Metrics
from trainshed.store.snapshots import Snapshots

DATABASE = ("history.db", "history.db-wal", "history.db-journal")
TERMINAL = ("Completed", "Failed", "Canceled")
_RECORD = re.compile(r'"id":"([^"]+)"[^{}]*"status":"(\w+)"')


class Told(NamedTuple):
    """What others know from an operation on: a run that was accepted, or has ended, or has begun."""

    at: int
    run_id: str
    what: str


def told(log: OperationLog, runs: list[str]) -> list[Told]:
    """Return what was told in the course of a log."""
    found: dict[tuple[str, str], int] = {}
    for number, operation in enumerate(log.operations):
        if isinstance(operation, Sent):
            for run_id, status in _RECORD.findall(operation.content.decode("latin-1")):
                if run_id in runs:
                    found.setdefault((run_id, "accepted"), number + 1)
                    found.setdefault((run_id, status), number + 1)
    for number, path in log.made_folders():
        if path.endswith("/code/begun"):
            found.setdefault((path.split("/")[1], "begun"), number + 1)
    return [Told(at, *key) for key, at in found.items() if key[1] in ("accepted", "begun", *TERMINAL)]


class Facts(NamedTuple):
    """What the history says, as far as it can be opened."""

    problems: list[str]
    runs: dict[str, dict[str, Any]]
    manifests: dict[str, list[dict[str, Any]]]
    metrics: dict[str, dict[str, Any]]


class Folder:
    """A workspace folder that takes on one state after another, written where they differ."""

    def __init__(self, root: Path, completed: dict[str, set[str]]) -> None:
        self.root = root
        self.database = root.parent / "database"
        self.database.mkdir()
        self._completed = completed
        self._there: Files = {}
        self._facts: dict[tuple[bytes | None, ...], Facts] = {}
        self._trees: dict[tuple[str, tuple[bytes, ...]], str] = {}
        self._records: dict[tuple[str | bytes | None, ...], list[str]] = {}

    def show(self, files: Files) -> None:
        """Make the folder hold these files."""
        for path in self._there.keys() - files.keys():
            (self.root / path).unlink()
        for path, content in files.items():
            if self._there.get(path) is not content:
                place = self.root / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
                place.chmod(0o600)
        self._there = files

    def violations(self, known: list[Told]) -> list[str]:
        """Return what is wrong, given what others know."""
        facts = self.facts()
        found = list(facts.problems)
        for _, run_id, what in known:
            found += self._broken_word(run_id, what, facts)
        for run_id, record in facts.runs.items():
            if record["status"] == "Completed":
                found += self._incomplete(run_id, facts)
        for run_id in {path.split("/")[1] for path in self._there if path.startswith("runs/")}:
            found += self._torn(run_id)
        for tree in [path for path in self._there if path.startswith("snapshots/trees/") and path.endswith(".json")]:
            found += self._unreadable(Path(tree).stem)
        endpoint.read(str(self.root))  # must not raise
        return found

    def facts(self) -> Facts:
        """Return what the history says."""
        key = tuple(self._there.get(name) for name in DATABASE)
        if key not in self._facts:
            for old in self.database.iterdir():
                old.unlink()
            for name, content in zip(DATABASE, key, strict=True):
                if content is not None:
                    (self.database / name).write_bytes(content)
            self._facts[key] = self._read_facts()
        return self._facts[key]

    def _read_facts(self) -> Facts:
        try:
            database = Database(self.database / "history.db")
        except (TrainshedError, sqlite3.DatabaseError) as error:
            return Facts([f"the history cannot be opened: {error}"], {}, {}, {})
        with contextlib.closing(database):
            history, manifests, metrics = History(database), Manifests(database), Metrics(database)
            runs = {record["id"]: history.get(record["id"]) for record in history.list_runs()}
            return Facts(
                database.check(),
                runs,
                {run_id: manifests.list(run_id) for run_id in runs},
                {run_id: metrics.read(run_id) for run_id in runs},
            )

    def _broken_word(self, run_id: str, what: str, facts: Facts) -> list[str]:
        if what == "begun":
            there = (self.root / "runs" / run_id / layout.SHIM).exists()
            return [] if there else [f"{run_id} has begun, and its claim is lost: it may begin again"]
        if run_id not in facts.runs:
            return [f"{run_id} was accepted and is lost"]
        record = facts.runs[run_id]
        if what in TERMINAL and record["status"] != what:
            return [f"{run_id} was told as {what} and is {record['status']}"]
        tree = record["spec"]["snapshot"]
        if f"snapshots/trees/{tree}.json" not in self._there:
            return [f"{run_id} was accepted and its snapshot is lost"]
        return []

    def _incomplete(self, run_id: str, facts: Facts) -> list[str]:
        found, run_dir = [], self.root / "runs" / run_id
        manifest = {row["name"]: row for row in facts.manifests[run_id]}
        if not self._completed[run_id] <= manifest.keys():
            found.append(f"{run_id} is Completed, and its manifest lacks files: {sorted(manifest)}")
        for name, row in manifest.items():
            place = run_dir / (layout.DRIVER_LOG if name == layout.STD_LOG else layout.place_of(name))
            content = place.read_bytes() if place.exists() else b""
            if len(content) != row["size"] or hashlib.sha256(content).hexdigest() != row["sha256"]:
                found.append(f"{run_id} is Completed, and {name} is lost or torn")
        if (_json(run_dir / layout.EXIT) or {}).get("outcome") != "completed":
            found.append(f"{run_id} is Completed without an exit.json that says so")
        if facts.metrics[run_id] != {"loss": 0.5}:
            found.append(f"{run_id} is Completed without its metrics")
        return found

    def _torn(self, run_id: str) -> list[str]:
        names = (layout.SHIM, layout.SPEC, layout.EXIT, layout.PHASES, layout.JOURNAL)
        key = (run_id, *(self._there.get(f"runs/{run_id}/{name}") for name in names))
        if key not in self._records:
            self._records[key] = self._read_records(run_id)
        return self._records[key]

    def _read_records(self, run_id: str) -> list[str]:
        run_dir, found = self.root / "runs" / run_id, []
        records = (layout.SHIM, layout.SPEC, layout.EXIT)
        torn = [name for name in records if (run_dir / name).exists() and not _json(run_dir / name)]
        found += [f"{name} of {run_id} is torn" for name in torn]
        if (run_dir / layout.SHIM).exists():
            record = _json(run_dir / layout.SPEC)
            if not record or from_json(RunSpec, record["spec"]).experiment != "faults":
                found.append(f"{run_id} is claimed without a spec that can be read")
        for name in (layout.PHASES, layout.JOURNAL):
            if (run_dir / name).exists():
                events_of((run_dir / name).read_bytes(), 0)  # must not raise
        return found

    def _unreadable(self, tree: str) -> list[str]:
        stored = tuple(content for path, content in sorted(self._there.items()) if path.startswith("snapshots/"))
        key = tree, stored
        if key not in self._trees:
            self._trees[key] = self._read_tree(tree)
        return [self._trees[key]] if self._trees[key] else []

    def _read_tree(self, tree: str) -> str:
        database = Database(self.database / "other.db")
        try:
            store = Snapshots(self.root / "snapshots", database)
            for entry, pieces in store.files(tree):
                if hashlib.sha256(b"".join(pieces)).hexdigest() != entry["sha256"]:
                    return f"the snapshot's {entry['path']} is torn"
        except (OSError, ValueError, TrainshedError) as error:
            return f"the snapshot cannot be read: {error}"
        finally:
            database.close()
        return ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
