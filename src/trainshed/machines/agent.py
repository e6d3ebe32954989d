"""The verbs of a machine, carried out on this computer: the one implementation of them."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Iterable, Iterator, Mapping, Sequence

from trainshed.containers import engine
from trainshed.environments.commands import platform_name
from trainshed.errors import MachineUnreachableException, ServiceException
from trainshed.machines import records, run_files
from trainshed.machines.leavings import Leavings
from trainshed.machines.machine import (
    ABSENT,
    ALIVE,
    ENDED,
    LOST,
    CompletedCommand,
    Content,
    FileFacts,
    JobCommand,
    Left,
    Observation,
    OnEnd,
    Piece,
)
from trainshed.machines.shims import Shims, shim_of_a_job
from trainshed.node import secret_files
from trainshed.node.exit_room import ExitRoom
from trainshed.spec import layout
from trainshed.system import control_group, files, odd_files, process
from trainshed.system.confined import append_inside, digest, facts_inside, read_inside
from trainshed.system.gpus import inventory
from trainshed.system.removal import remove_inside

_GRACE_FOR_ORPHANS = 5.0
_APPENDED_AT_ONCE = 4 << 20
_PLACES = ("path", "outbox")


class Agent:
    """This computer as a machine.

    Args:
        root: folder with ``runs/`` and ``snapshots/``.
        context: what a node of this computer must know and no record from elsewhere can say: ``home``, ``runtime`` and
            ``sites``.
        on_end: called with a run's id when its shim has ended.
    """

    shares_folder = True
    patience = 0.0
    doing = ""
    connected = True

    def __init__(self, root: str, context: Mapping[str, Any], on_end: OnEnd) -> None:
        self._runs = os.path.join(root, "runs")
        self._snapshots = os.path.join(root, layout.SNAPSHOTS)
        self._context = {**context, "snapshots": self._snapshots}
        os.makedirs(self._runs, mode=0o700, exist_ok=True)
        self._leavings = Leavings(str(context["home"]), self._runs, self._snapshots)
        control_group.sweep()
        self._shims = Shims(self._runs, on_end)
        self._native: dict[str, str] = {}

    def facts(self) -> dict[str, Any]:
        """Return what the machine has; see :meth:`Machine.facts`."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return {
            "host": platform.node(),
            "boot": process.boot_id(),
            "cores": cores or 1,
            "gpus": list(inventory(os.environ)),
            "home": self._context["home"],
            "runs": self._runs,
            "interpreter": sys.executable,
            "python": platform.python_version(),
            "system": platform_name(),
            "uv": shutil.which("uv") is not None,
        }

    def try_again(self) -> None:
        """Do nothing: this machine is always here."""

    def run(self, argv: Sequence[str], stdin: str = "", seconds: float = 60.0) -> CompletedCommand:
        """Run a command; see :meth:`Machine.run`."""
        try:
            done = subprocess.run(
                list(argv), input=stdin, capture_output=True, text=True, timeout=seconds, check=False, errors="replace"
            )
        except subprocess.TimeoutExpired:
            raise ServiceException(f"'{argv[0]}' did not end within {seconds:.0f} s on {platform.node()}.") from None
        except OSError as error:
            raise ServiceException(f"'{argv[0]}' cannot be run on {platform.node()}: {error.strerror}.") from error
        return CompletedCommand(done.returncode, done.stdout, done.stderr)

    def prepare(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str]) -> str:
        """Lay out a run directory and set a shim apart; see :meth:`Machine.prepare`."""
        with _starting():
            self._lay_out(run_id, record, private)
            return self._shims.reserve(run_id)

    def lay_out(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str], variable: str) -> JobCommand:
        """Lay out a run directory for a job of a batch system; see :meth:`Machine.lay_out`."""
        with _starting():
            self._lay_out(run_id, record, private)
        return JobCommand(self._run_dir(run_id), shim_of_a_job(self._run_dir(run_id), variable))

    def allow(self, run_id: str, native_id: str) -> None:
        """Let a job start a run; see :meth:`Machine.allow`."""
        files.write(os.path.join(self._run_dir(run_id), layout.ACCEPTED), native_id)

    def tell(self, run_id: str, name: str, text: str) -> None:
        """Leave a file for a shim; see :meth:`Machine.tell`."""
        folder = os.path.join(self._run_dir(run_id), layout.POOL)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        files.write(os.path.join(folder, os.path.basename(name)), text)

    def extend(self, run_id: str, pieces: Sequence[tuple[str, int, bytes]], name: str = "", text: str = "") -> None:
        """Add to files; see :meth:`Machine.extend`."""
        run_dir = self._run_dir(run_id)
        for path, offset, data in pieces:
            there = facts_inside(run_dir, path) if offset >= 0 else None
            append_inside(run_dir, path, data[max(there.st_size - offset, 0) :] if there else data)
        if name:
            self.tell(run_id, name, text)

    def _lay_out(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str]) -> None:
        run_dir = self._run_dir(run_id)
        os.makedirs(run_dir, mode=0o700, exist_ok=True)
        if os.path.exists(os.path.join(run_dir, layout.SHIM)):
            return
        for name, text in private.items():
            files.write(os.path.join(run_dir, name), text)
        with files.replacing(os.path.join(run_dir, layout.SPEC)) as file:
            file.write(json.dumps(self._completed(run_dir, record)).encode())
            file.flush()
            os.fsync(file.fileno())  # the shim's claim flushes its name together with its own
        files.sync_folder(self._runs)
        room = ExitRoom(run_dir)
        room.reserve()
        room.close()

    def _completed(self, run_dir: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """Add to a record where things lie on this computer."""
        context: dict[str, Any] = {**record["node_context"], **self._context}
        # What was sent along with the run lies below its own folder.
        context["datastores"] = {
            name: {key: os.path.join(run_dir, value) if key in _PLACES else value for key, value in store.items()}
            for name, store in context["datastores"].items()
        }
        variables = dict(context["environment_variables"])
        if "TRAINSHED_TOKEN_FILE" in variables:
            variables["TRAINSHED_TOKEN_FILE"] = os.path.join(run_dir, variables["TRAINSHED_TOKEN_FILE"])
        return {**record, "node_context": {**context, "environment_variables": variables}}

    def start(self, run_id: str, native_id: str) -> bool:
        """Give a run to its shim; see :meth:`Machine.start`."""
        return self._shims.start(run_id, native_id)

    def look(self, run_ids: Sequence[str] | Mapping[str, str]) -> dict[str, Observation]:
        """Look at run directories and shims; see :meth:`Machine.look`."""
        if isinstance(run_ids, Mapping):
            self._native.update(run_ids)
        return {run_id: self._look(run_id) for run_id in run_ids}

    def _shim(self, run_id: str, run_dir: str) -> dict[str, Any]:
        """Return who holds a run: what it has recorded, or if a script has spoilt that, what its native id says."""
        found = records.shim(run_dir)
        pid, _, start = self._native.get(run_id, "").partition(":")
        if not found and start and pid.isdigit() and records.claimed(run_dir):
            return {"pid": int(pid), "start": start, "boot": process.boot_id()}
        return found

    def _look(self, run_id: str) -> Observation:
        run_dir = self._run_dir(run_id)
        who = self._shim(run_id, run_dir)
        if process.alive(who):
            process.wake(who)
            self._shims.adopt(run_id, who)
            return Observation(ALIVE)
        if not who and self._shims.starting(run_id):
            return Observation(ALIVE)
        # Looked for once the shim is known to be gone: by then it has written what it had to write.
        how = records.exit_of(run_dir)
        if how:
            control_group.remove(who)
            return Observation(ENDED, how)
        if not who and not records.claimed(run_dir):
            return Observation(ABSENT)
        rebooted = bool(who) and who["boot"] != process.boot_id()
        return Observation(LOST, records.note_of(run_dir), rebooted, self._shims.end_of(run_id))

    def end(self, run_ids: Sequence[str]) -> None:
        """Ask shims to end their runs, or clean up after lost ones; see :meth:`Machine.end`."""
        for run_id in run_ids:
            run_dir = self._run_dir(run_id)
            self._shims.release(run_id)
            self._end(run_id, run_dir)

    def _end(self, run_id: str, run_dir: str) -> None:
        # Anything of that name is as good; and if there can be none, the run is ended all the same.
        with contextlib.suppress(OSError):
            append_inside(run_dir, layout.CANCEL, b"")
        who = self._shim(run_id, run_dir)
        if process.alive(who):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(who["pid"], signal.SIGTERM)
            process.wake(who)
        else:
            if who.get("boot") in (None, process.boot_id()):  # else it was before the last boot, or on a cluster's node
                marker = f"TRAINSHED_RUN_ID={run_id}"
                process.end(
                    lambda: process.family(None, marker, control_group.members(who)), _GRACE_FOR_ORPHANS, time.sleep
                )
            control_group.remove(who)
            containers = records.containers(run_dir)
            for name in containers.get("names", ()):
                engine.remove(engine.Engine(containers["kind"], containers["path"]), name)
        if not process.alive(who) and not self._shims.starting(run_id):
            secret_files.forget(run_dir)

    def files(self, run_id: str, digests: bool = False) -> list[FileFacts]:
        """List the files of a run directory that are mirrored; see :meth:`Machine.files`."""
        run_dir = self._run_dir(run_id)
        found, left_out = [], odd_files.LeftOut()
        for path, facts in run_files.mirrored(run_dir, left_out.add):
            sha = run_files.digest(run_dir, path, left_out) if digests else ""
            if sha or not (digests or odd_files.hollow(facts)):
                found.append(FileFacts(path, facts.st_size, facts.st_mtime_ns, facts.st_ino, sha))
        odd = [FileFacts(odd_files.shown(path), 0, 0, 0, left_out=reason) for path, reason in left_out.found]
        return found + (odd if digests else [])

    def read(self, run_id: str, pieces: Sequence[Piece]) -> list[bytes]:
        """Read pieces of files; see :meth:`Machine.read`."""
        run_dir = self._run_dir(run_id)
        return [read_inside(run_dir, path, offset, limit) for path, offset, limit in pieces]

    def appended(self, offsets: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, bytes]]:
        """Read on in growing files; see :meth:`Machine.appended`."""
        left, told = _APPENDED_AT_ONCE, {}
        for run_id, known in offsets.items():
            run_dir, pieces = self._run_dir(run_id), {}
            for path, facts in run_files.growing(run_dir):
                offset = known.get(path, 0)
                if left > 0 and facts.st_size > offset and not odd_files.hollow(facts):
                    pieces[path] = read_inside(run_dir, path, offset, left)
                    left -= len(pieces[path])
            told[run_id] = {path: piece for path, piece in pieces.items() if piece}
        return told

    def missing(self, hashes: Sequence[str]) -> list[str]:
        """Return contents that are not here; see :meth:`Machine.missing`."""
        return [sha for sha in hashes if not _touched(self._content(sha))]

    def put(self, contents: Iterable[Content]) -> None:
        """Keep contents; see :meth:`Machine.put`."""
        for sha, _, pieces in contents:
            offset = 0
            for piece in pieces():
                self.put_piece(sha, offset, piece)
                offset += len(piece)
            self.put_end(sha)

    def put_piece(self, sha: str, offset: int, piece: bytes) -> None:
        """Write a piece of a content that is on its way in."""
        part = self._content(sha) + ".part"
        os.makedirs(os.path.dirname(part), mode=0o700, exist_ok=True)
        # Not truncated: another who sends it, too, or has begun to before a break, has written the same bytes.
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while piece:
                done = os.pwrite(fd, piece, offset)
                piece, offset = piece[done:], offset + done
        finally:
            os.close(fd)

    def put_end(self, sha: str) -> None:
        """Give a content its name once all of it is here.

        Raises:
            MachineUnreachableException: it is not what its hash says, and is to be sent again.
        """
        part = self._content(sha) + ".part"
        if not os.path.exists(part):
            self.put_piece(sha, 0, b"")  # an empty file has no pieces
        try:
            if not os.path.exists(self._content(sha)):
                with open(part, "rb") as file:
                    found = digest(file)[0]
                if found == sha:
                    os.replace(part, self._content(sha))
                    return
            os.unlink(part)
        except FileNotFoundError:
            pass  # somebody else has sent it meanwhile
        if not os.path.exists(self._content(sha)):
            raise MachineUnreachableException(f"A content arrived damaged on {platform.node()}; it is sent again.")

    def install(self, name: str, sha: str) -> None:
        """Make a content a program; see :meth:`Machine.install`."""
        target = os.path.join(self._context["home"], "tools", os.path.basename(name))
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        shutil.copyfile(self._content(sha), f"{target}.part")
        os.chmod(f"{target}.part", 0o700)
        os.replace(f"{target}.part", target)

    def put_tree(self, tree: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Keep a tree; see :meth:`Machine.put_tree`."""
        path = os.path.join(self._snapshots, "trees", f"{tree}.json")
        # Each content is a pack of its own here.
        contents = {entry["sha256"]: [entry["sha256"], 0] for entry in entries if entry["kind"] == "file"}
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        text = json.dumps(list(entries), sort_keys=True, separators=(",", ":"))  # of which the id is the hash
        files.write(path, f'{{"version":2,"contents":{json.dumps(contents)},"entries":{text}}}')

    def _content(self, sha: str) -> str:
        return os.path.join(self._snapshots, "packs", sha)

    def remove(self, run_id: str) -> None:
        """Delete a run directory; see :meth:`Machine.remove`."""
        self._run_dir(run_id)
        self._native.pop(run_id, None)
        remove_inside(self._runs, run_id)

    def run_names(self) -> list[str]:
        """Return the runs that have a directory here; see :meth:`Machine.run_names`."""
        return self._leavings.run_names()

    def collect(self, runs: Sequence[str], unused_days: float, with_downloads: bool, dry_run: bool) -> list[Left]:
        """Remove what is not needed; see :meth:`Machine.collect`."""
        return self._leavings.collect(runs, unused_days, with_downloads, dry_run)

    def close(self) -> None:
        """Let go of the shims; see :meth:`Machine.close`."""
        self._shims.close()

    def _run_dir(self, run_id: str) -> str:
        if not run_id or "/" in run_id or run_id.startswith("."):
            raise ServiceException(f"{run_id!r} cannot be the id of a run.")
        return os.path.join(self._runs, run_id)


def _touched(path: str) -> bool:
    """Note that a content is used now; False where there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceException(
            f"The run could not be started on {platform.node()}: {error}. Free what is short and submit it again."
        ) from error
