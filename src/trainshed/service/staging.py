"""Bring what a run needs to a machine that shares nothing with the service: sources, data, uv; and data back."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from trainshed.data import addresses, dataset
from trainshed.data.dataset import LOCAL_PATHS
from trainshed.data.folder import copy
from trainshed.environments.commands import find_uv, platform_name
from trainshed.errors import ServiceException
from trainshed.machines.machine import Content, Machine
from trainshed.service.mirror import Mirror
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec import layout
from trainshed.spec.codec import from_json
from trainshed.spec.environment import MANAGED
from trainshed.spec.run import RunSpec
from trainshed.store.snapshots import Snapshots
from trainshed.system import confined

log = logging.getLogger("trainshed.service")

_CHUNK = 1 << 20
_MOUNTED = (
    "What the run mounts of {stores} is a read-only copy on {host}, which does not share the folder. Use as_upload() "
    "or an output to write to it."
)
_EVERY = 1.0
"""Seconds between two words on how much has been sent."""


class NotWanted(Exception):
    """The run was cancelled before all that it needs was on its machine."""


class Staging:
    """Sends what runs need, each content once to a machine.

    Args:
        snapshots: sources.
        registry: datastores.
        mirror: the run directories, where what goes back to datastores has arrived.
        token: gives what opens the service's API for as long as a run may last.
        home: Trainshed's home on this machine, in which downloads are kept.
    """

    def __init__(
        self, snapshots: Snapshots, registry: WorkspaceRegistry, mirror: Mirror, token: Callable[[], str], home: Path
    ) -> None:
        self._token = token
        self._downloads = str(home / addresses.FOLDER)
        self._snapshots = snapshots
        self._registry = registry
        self._mirror = mirror
        self._hashes: dict[tuple[str, int, int], str] = {}

    def send(
        self,
        machine: Machine,
        record: dict[str, Any],
        cancelled: Callable[[], bool],
        in_place: Sequence[str] = (),
        say: Callable[[str], object] = log.debug,
    ) -> None:
        """Have all that a run needs on its machine, and say in its record where it is.

        Args:
            machine: where it will run.
            record: content of its ``spec.json``; changed in place.
            cancelled: tells whether it is not needed any more.
            in_place: folders that are the same there, so that data in them is used where it is.
            say: called with what is being sent and how much of it has been, once a second.

        Raises:
            NotWanted: it is not.
        """
        flow = _Flow(cancelled, say)
        spec = from_json(RunSpec, record["spec"])
        if spec.environment.kind == MANAGED and not machine.facts()["uv"]:
            self._send_uv(machine, flow)
        if spec.snapshot is not None:
            entries = self._snapshots.tree(spec.snapshot)
            pieces = {entry["sha256"]: entry for entry in entries if entry["kind"] == "file"}
            lacking = set(machine.missing(list(pieces)))
            total = sum(pieces[sha]["size"] for sha in lacking)
            machine.put(flow.of(self._of_snapshot(spec.snapshot, lacking), total))
            machine.put_tree(spec.snapshot, entries)
        data = self._data(spec, record, cancelled, in_place)
        staged = [self._send_data(machine, name, files, flow) for name, files in data.items()]
        record["node_context"]["staged"] = staged
        flow.end()
        if mounted := sorted(_mounted(spec) & data.keys()):
            stores = " and ".join("local files" if each == LOCAL_PATHS else f"'{each}'" for each in mounted)
            record["node_context"]["data_note"] = _MOUNTED.format(stores=stores, host=machine.facts()["host"])
        names = {store["name"] for store in self._registry.datastores()} | {LOCAL_PATHS}
        record["node_context"]["datastores"] = {
            name: {"name": name, "kind": "folder", "path": f"stores/{name}", "outbox": f"{layout.OUTBOX}/{name}"}
            for name in names
        }
        there = [store for store in self._registry.datastores() if _below(store["path"], in_place)]
        record["node_context"]["datastores"] |= {store["name"]: dict(store) for store in there}

    def forget_damaged(self, exit_record: dict[str, Any]) -> None:
        """Let what a run has found damaged in the store be sent again by the next submit.

        Args:
            exit_record: how the run ended.
        """
        found = (exit_record.get("details") or {}).get("damaged") or {}
        if found.get("tree"):
            self._snapshots.forget(str(found["tree"]), found.get("sha256"))

    def _of_snapshot(self, tree: str, lacking: set[str]) -> Iterator[Content]:
        for entry, pieces in self._snapshots.files(tree):
            if entry["sha256"] in lacking:
                lacking.discard(entry["sha256"])
                yield entry["sha256"], entry["size"], lambda pieces=pieces: pieces  # type: ignore[misc]

    def _send_uv(self, machine: Machine, flow: _Flow) -> None:
        here, facts = platform_name(), machine.facts()
        if facts["system"] != here:
            raise ServiceException(
                f"{facts['host']} is {facts['system']} and has no uv, which builds the run's environment; uv of the "
                f"service's machine is for {here}. Install uv there (pip install uv), or use a Python that is there: "
                "user_managed_dependencies"
            )
        path = os.path.realpath(find_uv())
        self._send_files(machine, {self._hash(path): path}, flow)
        machine.install("uv", self._hash(path))

    def _data(
        self, spec: RunSpec, record: dict[str, Any], cancelled: Callable[[], bool], in_place: Sequence[str]
    ) -> dict[str, dict[str, str]]:
        """Return what of each datastore the run reads: datastore → path in it → file here."""
        stores = {store["name"]: store for store in self._registry.datastores()}
        found: dict[str, dict[str, str]] = {}
        for item in spec.data:
            if item.mode != "upload" and not _below(stores[item.datastore]["path"], in_place):
                root = stores[item.datastore]["path"]
                for path in _files(os.path.join(root, item.path) if item.path else root):
                    found.setdefault(item.datastore, {})[os.path.relpath(path, root)] = path
        for number, given in enumerate(spec.inputs):
            definition = json.loads(given.definition)
            for place in definition["paths"]:
                if "url" in place:
                    address = place.pop("url")
                    place.update(path=self._download(address, cancelled), name=addresses.relative(address))
                name = place.get("datastore") or LOCAL_PATHS
                root = stores[name]["path"] if name in stores else "/"
                if _below(stores[name]["path"] if name in stores else str(place.get("path", "")), in_place):
                    continue
                for path, _ in dataset.files_at(place, stores):
                    found.setdefault(name, {})[os.path.relpath(path, root)] = path
                place["datastore"] = name
            record["spec"]["inputs"][number]["definition"] = json.dumps(definition)
        return found

    def _download(self, address: str, cancelled: Callable[[], bool]) -> str:
        from trainshed.data import web  # takes 30 ms, and most services never need it

        def go_on() -> None:
            if cancelled():
                raise NotWanted

        return web.fetch(address, self._downloads, log.info, go_on)

    def _send_data(self, machine: Machine, name: str, files: dict[str, str], flow: _Flow) -> dict[str, str]:
        entries = []
        for relative, path in sorted(files.items()):
            size = os.stat(path).st_size
            entries.append({"path": relative, "kind": "file", "sha256": self._hash(path), "size": size, "mode": 0o644})
        self._send_files(machine, {str(entry["sha256"]): files[str(entry["path"])] for entry in entries}, flow)
        text = json.dumps(entries, sort_keys=True, separators=(",", ":"))
        tree = hashlib.sha256(text.encode()).hexdigest()
        machine.put_tree(tree, entries)
        return {"tree": tree, "into": f"stores/{name}"}

    def _send_files(self, machine: Machine, files: dict[str, str], flow: _Flow) -> None:
        sizes = {sha: os.stat(files[sha]).st_size for sha in machine.missing(list(files))}
        contents = ((sha, size, partial(_pieces, files[sha])) for sha, size in sizes.items())
        machine.put(flow.of(contents, sum(sizes.values())))

    def _hash(self, path: str) -> str:
        facts = os.stat(path)
        key = (path, facts.st_size, facts.st_mtime_ns)
        if key not in self._hashes:
            with open(path, "rb") as file:
                self._hashes[key] = confined.digest(file)[0]
        return self._hashes[key]

    def way_back(self, machine: Machine, record: dict[str, Any]) -> dict[str, str]:
        """Have the run's script reach the service's API through the machine's connection.

        Args:
            machine: where it will run.
            record: content of its ``spec.json``; changed in place.

        Returns:
            Files of the run directory for the eyes of the owner only.
        """
        address = machine.facts().get("service")
        if not address:
            return {}
        record["node_context"]["environment_variables"] |= {
            "TRAINSHED_SERVICE": address,
            "TRAINSHED_TOKEN_FILE": layout.SERVICE_TOKEN,
        }
        return {layout.SERVICE_TOKEN: self._token()}

    def take_back(self, record: dict[str, Any]) -> None:
        """Copy what a completed run has left for datastores from the mirror to these.

        Args:
            record: the run's.
        """
        spec = from_json(RunSpec, record["spec"])
        outbox = self._mirror.folder(record["id"]) / layout.OUTBOX
        for item in spec.data:
            # A mounted folder that is there was made by the run: it was not on the datastore.
            if item.mode != "download":
                self._copy_back(outbox, item.datastore, item.path, item.overwrite or item.mode == "mount")
        for output in spec.outputs:
            self._copy_back(
                outbox, output.datastore, layout.output_path(output.path, record["id"], output.name), output.overwrite
            )

    def _copy_back(self, outbox: Path, store: str, path: str, overwrite: bool) -> None:
        source = outbox / store / path
        if source.exists():
            copy(str(source), os.path.join(self._registry.datastore(store)["path"], path), overwrite)


class _Flow:
    """Passes contents on as long as they are needed, and says how much of many has been.

    Args:
        cancelled: tells whether they are not needed any more.
        say: called with words, and once nothing is being sent any more with none.
    """

    def __init__(self, cancelled: Callable[[], bool], say: Callable[[str], object]) -> None:
        self._cancelled = cancelled
        self._say = say
        self._said = time.monotonic()
        self._spoke = False
        self._sent = 0

    def of(self, contents: Iterable[Content], total: int) -> Iterator[Content]:
        """Return the contents, of so many bytes together, as they are to be sent."""
        self._sent = 0
        return ((sha, size, partial(self._pieces, pieces, total)) for sha, size, pieces in contents)

    def _pieces(self, pieces: Callable[[], Iterable[bytes]], total: int) -> Iterator[bytes]:
        for piece in pieces():
            if self._cancelled():
                raise NotWanted
            yield piece
            self._sent += len(piece)
            if time.monotonic() - self._said >= _EVERY:
                self._said, self._spoke = time.monotonic(), True
                self._say(f"sending what the run needs: {self._sent >> 20} of {total >> 20} MB")

    def end(self) -> None:
        """Say that all has been sent, if it was said that something was being sent."""
        if self._spoke:
            self._say("")


def _mounted(spec: RunSpec) -> set[str]:
    """Return the datastores of which a run mounts something."""
    mounts = [json.loads(given.definition) for given in spec.inputs if given.mode == "mount"]
    named = {str(place.get("datastore") or LOCAL_PATHS) for each in mounts for place in each["paths"]}
    return named | {item.datastore for item in spec.data if item.mode == "mount"}


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(
        os.path.normpath(path) == folder or os.path.normpath(path).startswith(f"{folder}/") for folder in folders
    )


def _files(path: str) -> Iterable[str]:
    if os.path.isfile(path):
        return [path]
    return [os.path.join(path, relative) for relative, _ in confined.walk(os.path.realpath(path))]


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
