"""Writes the source snapshot into the run's working folder."""

from __future__ import annotations

import os
import sys

from trainshed.errors import TYPE_CHECKING, NotFoundException, SnapshotException
from trainshed.system import jsons

if TYPE_CHECKING:
    import threading
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

_CHUNK = 1 << 20
_LARGE, _LITTLE = 4 << 20, 1 << 18
_ENTRIES = b'"entries":'
_PLACE = ("pack", "start")


def materialise(snapshots: str, tree: Optional[str], into: str) -> Optional[LateCheck]:
    """Write the files of a snapshot to a new folder.

    They are copies, so a script may change its files without changing the snapshot that other runs share.

    Args:
        snapshots: the snapshot store: ``packs/<id>`` and ``trees/<id>.json``.
        tree: id of the snapshot; None for an empty folder.
        into: folder to create; it may exist from an interrupted attempt.

    Returns:
        What compares the contents with their hashes, if they are so large that the script should not wait for it;
        otherwise this is done.

    Raises:
        NotFoundException: the store lacks the tree or one of its packs.
        SnapshotException: the tree, or a content, is not what its hash says.
    """
    os.makedirs(into, mode=0o700, exist_ok=True)
    if tree is None:
        return None
    record, made = _tree(snapshots, tree), {into}
    packs = _Packs(os.path.join(snapshots, "packs"), record["contents"])
    try:
        for entry in record["entries"]:
            path = os.path.join(into, entry["path"])
            folder = path if entry["kind"] == "dir" else os.path.dirname(path)
            if folder not in made:
                os.makedirs(folder, mode=0o700, exist_ok=True)
                made.add(folder)
            if entry["kind"] == "file":
                packs.copy(entry, path)
            elif entry["kind"] == "link" and not os.path.lexists(path):
                os.symlink(entry["target"], path)
    except NotFoundException as error:
        error.details["damaged"] = {"tree": tree}
        raise
    finally:
        packs.close()
    check = LateCheck(packs, tree, [entry for entry in record["entries"] if entry["kind"] == "file"])
    if check.size > _LARGE:
        return check
    check.look()
    check.end()
    return None


def stage(snapshots: str, tree: str, into: str) -> None:
    """Write the files of a datastore that were sent to this machine, so that nothing there can be changed.

    Whatever a script wrote among them would be lost, and it is better to be told.

    Args:
        snapshots: as for :func:`materialise`.
        tree: id of the tree of these files.
        into: folder to create; an earlier attempt of the run may have made it, or begun to.

    Raises:
        NotFoundException: the store lacks something.
        SnapshotException: something is damaged.
    """
    if os.path.isdir(into):
        from trainshed.system.removal import remove_inside  # for attempts after the first alone

        if not os.access(into, os.W_OK):
            return
        remove_inside(os.path.dirname(into), os.path.basename(into))
    materialise(snapshots, tree, into)
    for folder, _, names in os.walk(into, topdown=False):
        for name in names:
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o500)


class LateCheck:
    """Compares the contents of a snapshot with their hashes.

    A script need not wait for this if they are large: it is done while the script runs, which is ended if a content is
    damaged. So a run of damaged source never completes.

    Args:
        packs: where the contents are.
        tree: id of the snapshot.
        entries: its files.
    """

    def __init__(self, packs: _Packs, tree: str, entries: List[Dict[str, Any]]) -> None:
        self.entries = entries
        self.size = sum(entry["size"] for entry in entries)
        self._packs = packs
        self._tree = tree
        self._found: Optional[Dict[str, Any]] = None
        self._thread: Optional[threading.Thread] = None

    def begin(self, end_run: Callable[[], object]) -> None:
        """Look at all contents in another thread.

        Args:
            end_run: called if one is damaged.
        """
        import threading  # small sources do without

        def work() -> None:
            try:  # noqa: SIM105 - contextlib takes 2 ms to import
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # what the script needs comes first
            except (OSError, AttributeError):
                pass
            if not self.look():
                end_run()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def look(self) -> bool:
        """Look at all contents; return whether they are what their hashes say."""
        try:
            for sha, entry in {entry["sha256"]: entry for entry in self.entries}.items():
                made = _sha256(self.size)
                for piece in self._packs.pieces(entry):
                    made.update(piece)
                if made.hexdigest() != sha:
                    self._found = entry
                    break
        finally:
            self._packs.close()
        return self._found is None

    def end(self) -> None:
        """Return when all contents have been looked at.

        Raises:
            SnapshotException: one is damaged.
        """
        if self._thread is not None:
            self._thread.join()
        if self._found is not None:
            what = f"The content of '{self._found['path']}'"
            raise _damaged(what, {"tree": self._tree, "sha256": self._found["sha256"]})


def _tree(snapshots: str, tree: str) -> Dict[str, Any]:
    try:
        with open(os.path.join(snapshots, "trees", f"{tree}.json"), "rb") as file:
            text = file.read()
    except FileNotFoundError:
        raise NotFoundException(f"Source snapshot {tree} is no longer in the store. Submit the run again.") from None
    try:
        record: Dict[str, Any] = jsons.loads(text)
        entries = text[text.index(_ENTRIES) + len(_ENTRIES) : -1]
        places = [record["contents"][entry["sha256"]] for entry in record["entries"] if entry["kind"] == "file"]
    except (ValueError, KeyError):
        entries, places = b"", []
    made = _sha256(len(entries))
    made.update(entries)
    if made.hexdigest() != tree or any(len(place) != len(_PLACE) for place in places):
        raise _damaged("The list of files", {"tree": tree})
    return record


def _sha256(size: int) -> Any:
    """Return a new hash: Python's own for so little, since loading OpenSSL's takes 3 ms, though it is faster."""
    names = () if size > _LITTLE or "hashlib" in sys.modules else ("_sha2", "_sha256")  # since 3.12, and before
    for name in names:
        try:
            return __import__(name).sha256()
        except ImportError:
            continue
    import hashlib

    return hashlib.sha256()


def _damaged(what: str, details: Dict[str, Any]) -> SnapshotException:
    return SnapshotException(
        f"{what} is damaged in the snapshot store: it is not what its hash says. Submit the run again, which sends it "
        "anew. 'trainshed verify' tells what else is damaged.",
        {"damaged": details},
    )


class _Packs:
    """The packs of a snapshot, each opened at its first use."""

    def __init__(self, folder: str, contents: Dict[str, Tuple[str, int]]) -> None:
        self._folder = folder
        self._contents = contents
        self._open: Dict[str, int] = {}

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def pieces(self, entry: Dict[str, Any]) -> Iterator[bytes]:
        fd, start = self._place(entry)
        end = start + entry["size"]
        while start < end:
            piece = os.pread(fd, min(_CHUNK, end - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece

    def _place(self, entry: Dict[str, Any]) -> Tuple[int, int]:
        pack, start = self._contents[entry["sha256"]]
        if pack not in self._open:
            try:
                self._open[pack] = os.open(os.path.join(self._folder, pack), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise NotFoundException(
                    f"The content of '{entry['path']}' is missing from the snapshot store. Submit the run again."
                ) from None
        return self._open[pack], start

    def copy(self, entry: Dict[str, Any], target: str) -> None:
        origin, start = self._place(entry)
        goal = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, entry["mode"])
        try:
            _pump(origin, start, goal, entry["size"])
        finally:
            os.close(goal)


def _pump(origin: int, start: int, goal: int, size: int) -> None:
    """Copy inside the kernel if possible, otherwise by reads and writes."""
    end = start + size
    try:
        while start < end:
            done = os.copy_file_range(origin, goal, end - start, start)  # type: ignore[attr-defined,unused-ignore]
            if done == 0:
                break
            start += done
    except (AttributeError, OSError):
        while start < end:
            chunk = os.pread(origin, min(_CHUNK, end - start), start)
            if not chunk:
                break
            start += len(chunk)
            while chunk:
                chunk = chunk[os.write(goal, chunk) :]
    if start < end:
        raise NotFoundException("A pack of the snapshot store is incomplete. Submit the run again.")
