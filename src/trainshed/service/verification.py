"""Checks that everything which a workspace keeps is as it was stored. Nothing is ever changed."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from trainshed.data import dataset
from trainshed.errors import NotFoundException
from trainshed.service.mirror import Mirror
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec import layout, states
from trainshed.store.catalog import Catalog
from trainshed.store.database import Database
from trainshed.store.files import Files
from trainshed.store.mlflow import LOGGED_MODEL, Mlflow
from trainshed.store.verification import BadContent, Row, check_file, check_pack, check_tree
from trainshed.system.confined import open_inside

MLFLOW = "mlflow"
"""Folder of the workspace with the models that MLflow's clients have logged outside of runs."""


class Damage(NamedTuple):
    """Something that is not as it was stored.

    Attributes:
        kind: ``"database"``, ``"pack"``, ``"snapshot"``, ``"output"``, ``"model"`` or ``"dataset"``.
        name: what it is called: a file below the workspace folder, or a name with a version.
        problem: what is wrong with it, in words.
        runs: ids of the runs concerned.
    """

    kind: str
    name: str
    problem: str
    runs: tuple[str, ...] = ()


class Request(NamedTuple):
    """What to check.

    Attributes:
        runs: only what these runs consist of and were made from; empty for everything.
        part: which part of all files is read, counted from 1.
        parts: the number of parts.
    """

    runs: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1

    def takes(self, name: str) -> bool:
        """Tell whether a file is in the chosen part."""
        return zlib.crc32(name.encode()) % self.parts == self.part - 1


class Verifier:
    """Checks one workspace.

    Args:
        root: the workspace folder.
        database: its database.
        registry: its datastores.
        catalog: its models and datasets.
        mirror: the run directories.
        wanted: what to check.

    Attributes:
        checked: what was looked at: kind → number.
    """

    def __init__(
        self,
        root: Path,
        database: Database,
        registry: WorkspaceRegistry,
        catalog: Catalog,
        mirror: Mirror,
        wanted: Request,
    ) -> None:
        self._root = root
        self._database = database
        self._registry = registry
        self._catalog = catalog
        self._mirror = mirror
        self._wanted = wanted
        self._files = Files(database)
        self._trees = root / layout.SNAPSHOTS / "trees"
        self._packs = root / layout.SNAPSHOTS / "packs"
        self.checked: Counter[str] = Counter()

    def total(self) -> int:
        """Return about how many bytes will be read."""
        if self._wanted.runs:
            sizes = [sum(each["size"] for each in self._files.list(run_id)) for run_id in self._wanted.runs]
            return sum(sizes)
        packs = sum(path.stat().st_size for path in self._packs.iterdir())
        return (packs + int(self._database.column("SELECT coalesce(sum(size), 0) FROM files")[0])) // self._wanted.parts

    def check(self) -> Iterator[int | Damage]:
        """Check everything; yield the numbers of bytes read, and what is damaged."""
        self.checked["database"] += 1
        for problem in self._database.check():
            yield Damage("database", "history.db", problem)
        yield from self._snapshots()
        yield from self._outputs()
        yield from self._models()
        yield from self._logged_models()
        yield from self._datasets()

    # Snapshots.

    def _snapshots(self) -> Iterator[int | Damage]:
        """Check the trees that runs need, all other trees, and the contents that they refer to."""
        users: dict[str, list[str]] = defaultdict(list)
        for run_id, tree in self._database.tuples("SELECT run, json_extract(spec, '$.snapshot') FROM specs"):
            if tree and (not self._wanted.runs or run_id in self._wanted.runs):
                users[tree].append(run_id)
        names = set(users) if self._wanted.runs else {*users, *(path.stem for path in self._trees.iterdir())}
        needed: dict[str, dict[int, Row]] = defaultdict(dict)
        for tree in sorted(names):
            self.checked["snapshots"] += 1
            record = check_tree(self._trees / f"{tree}.json") if (self._trees / f"{tree}.json").exists() else {}
            if not record:
                missing = record is not None
                if missing and not self._still(users[tree]):
                    continue  # a tree that a collection has removed meanwhile
                problem = "is missing" if missing else "is damaged"
                yield Damage("snapshot", f"{layout.SNAPSHOTS}/trees/{tree}.json", problem, tuple(users[tree]))
                continue
            for each in record["entries"]:
                if each["kind"] == "file":
                    pack, start = record["contents"][each["sha256"]]
                    needed[pack][start] = Row(each["sha256"], each["size"])
        yield from self._contents(needed, users)

    def _contents(self, needed: dict[str, dict[int, Row]], users: dict[str, list[str]]) -> Iterator[int | Damage]:
        bad: list[BadContent] = []
        there = set() if self._wanted.runs else {path.name for path in self._packs.iterdir()}
        for pack in sorted({*needed, *there}):
            if not self._wanted.takes(pack):
                continue
            self.checked["packs"] += 1
            rows = dict(needed[pack])
            if not self._wanted.runs:
                known = self._database.tuples("SELECT start, sha256, size FROM contents WHERE pack = ?", (pack,))
                rows = {**{start: Row(sha, size) for start, sha, size in known}, **rows}
            try:
                for found in check_pack(self._packs / pack, rows):
                    if isinstance(found, int):
                        yield found
                    else:
                        bad.append(found)
            except OSError:
                bad += [BadContent(pack, start, row.sha) for start, row in rows.items()]
        yield from self._of_contents(bad, users)

    def _of_contents(self, bad: list[BadContent], users: dict[str, list[str]]) -> Iterator[Damage]:
        """Say which files of which runs damaged contents are."""
        concerned: dict[tuple[str, int], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        wanted = {(each.pack, each.start) for each in bad}
        for path in self._trees.iterdir() if bad else ():
            record = check_tree(path) or {"entries": (), "contents": {}}
            for each in record["entries"]:
                place = tuple(record["contents"].get(each.get("sha256"), ()))
                if each["kind"] == "file" and place in wanted:
                    names, runs = concerned[place]
                    names.add(each["path"])
                    runs.update(users.get(path.stem, ()))
        for each in bad:
            if (
                not (self._packs / each.pack).exists()
                and not self._database.column("SELECT 1 FROM contents WHERE pack = ? LIMIT 1", (each.pack,))
                and not concerned[each.pack, each.start][1]
            ):
                continue  # a collection has removed it meanwhile
            names, runs = concerned[each.pack, each.start]
            what = f"'{min(names)}'" if names else f"content {each.sha[:12]}…"
            state = "is damaged" if (self._packs / each.pack).exists() else "is missing"
            yield Damage("pack", f"{layout.SNAPSHOTS}/packs/{each.pack}", f"{what} {state}", tuple(sorted(runs)))

    def _still(self, runs: list[str]) -> bool:
        """Tell whether any of some runs is in the history still."""
        return any(self._database.column("SELECT 1 FROM runs WHERE id = ?", (run_id,)) for run_id in runs)

    # Files.

    def _outputs(self) -> Iterator[int | Damage]:
        """Check the files of all runs that have ended against the manifests written then."""
        ended = ", ".join(f"'{status}'" for status in sorted(states.TERMINAL))
        for run_id in self._database.column(f"SELECT id FROM runs WHERE status IN ({ended}) ORDER BY seq"):
            if self._wanted.runs and run_id not in self._wanted.runs:
                continue
            self.checked["runs"] += 1
            for facts in self._files.list(run_id):
                name = facts["name"]
                if not self._wanted.takes(f"{run_id}/{name}"):
                    continue
                self.checked["files"] += 1
                for found in self._file(facts, partial(self._mirror.open, run_id, layout.place_of(name))):
                    if isinstance(found, int):
                        yield found
                    elif self._still([run_id]):
                        yield Damage("output", name, f"{found} since the run ended", (run_id,))

    def _models(self) -> Iterator[int | Damage]:
        for entry in self._catalog.list("model"):
            record = entry["record"]
            if self._wanted.runs and record.get("run_id") not in self._wanted.runs:
                continue
            self.checked["models"] += 1
            title, runs = f"{entry['name']}:{entry['version']}", tuple(filter(None, [record.get("run_id")]))
            folder = self._root / "models" / str(record["folder"])
            if not folder.is_dir():
                yield Damage("model", title, "its files are missing", runs)
            yield from self._of_model(model_key(str(record["folder"])), folder, title, runs, "registered")

    def _logged_models(self) -> Iterator[int | Damage]:
        for model_id, note in Mlflow(self._database).notes(LOGGED_MODEL).items():
            run = note.get("source_run_id")
            if not self._wanted.runs or run in self._wanted.runs:
                self.checked["models"] += 1
                runs = (run,) if run else ()
                folder = self._root / MLFLOW / model_id
                yield from self._of_model(logged_key(model_id), folder, model_id, runs, "logged")

    def _of_model(self, key: str, folder: Path, title: str, runs: tuple[str, ...], done: str) -> Iterator[int | Damage]:
        """Check the files of a model against its manifest."""
        for facts in self._files.list(key):
            if self._wanted.takes(f"{title}/{facts['name']}"):
                self.checked["files"] += 1
                for found in self._file(facts, partial(open_inside, folder, facts["name"])):
                    yield (
                        found
                        if isinstance(found, int)
                        else Damage("model", title, f"'{facts['name']}' {found} since it was {done}", runs)
                    )

    @staticmethod
    def _file(facts: dict[str, Any], opened: Callable[[], BinaryIO]) -> Iterator[int | str]:
        """Yield the bytes read of a file, and what has happened to it."""
        try:
            with opened() as file:
                for found in check_file(file, facts["size"], facts["sha256"]):
                    if found is False:
                        yield "has changed"
                    elif found is not True:
                        yield found
        except NotFoundException:
            yield "has disappeared"
        except OSError as error:
            yield f"has become unreadable ({error.strerror})"

    def _datasets(self) -> Iterator[Damage]:
        """Check that the files of datasets exist; what they contain is not recorded, for they are the user's."""
        if self._wanted.runs:
            return
        stores = {store["name"]: store for store in self._registry.datastores()}
        for entry in self._catalog.list("dataset"):
            self.checked["datasets"] += 1
            definition = entry["record"].get("definition") or {}
            for place in definition.get("paths", ()):
                if "url" in place:
                    continue
                try:
                    dataset.files_at(place, stores)
                except NotFoundException as error:
                    yield Damage("dataset", f"{entry['name']}:{entry['version']}", error.message)


def model_key(folder: str) -> str:
    """Return under what the manifest of a model is found in the table of files: no run has such an id.

    Args:
        folder: name of the model's folder.
    """
    return f"model/{folder}"


def logged_key(model_id: str) -> str:
    """Return the same for a model that a client of MLflow's has logged.

    Args:
        model_id: its id.
    """
    return f"{MLFLOW}/{model_id}"
