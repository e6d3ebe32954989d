"""What a machine is: the verbs by which runs are held on a computer, and what is seen of a run there."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple, Protocol, Sequence, Tuple

ABSENT = "absent"
"""No shim has claimed the run: it may be started (again)."""
ALIVE = "alive"
ENDED = "ended"
"""``exit.json`` is there."""
LOST = "lost"
"""The shim is gone and left no ``exit.json``."""
PENDING = "pending"
"""An engine holds the run in a queue of its own; only engines give this state."""

OnEnd = Callable[[str], None]
"""Called with a run's id, from any thread, when its shim has ended."""
Content = Tuple[str, int, Callable[[], Iterable[bytes]]]
"""Something to be kept by its hash: (sha256, size in bytes, a function that returns its pieces)."""

Piece = Tuple[str, int, int]
"""A piece of a file: (path in the run directory, offset, number of bytes)."""

Left = Tuple[str, str, int]
"""Something that is removed: (kind, path below the folder, bytes that this frees)."""

_NOTHING: dict[str, Any] = {}


class Observation(NamedTuple):
    """What is seen of one run.

    Attributes:
        state: one of the constants of this module.
        exit: content of ``exit.json`` when ended; when lost, what the shim had noted of the script's end, if it had.
        rebooted: whether the machine has booted since the run was claimed.
        reason: why a pending run is pending, in the engine's words; how the shim of a lost run ended, as a predicate.
    """

    state: str
    exit: dict[str, Any] = _NOTHING
    rebooted: bool = False
    reason: str = ""


class FileFacts(NamedTuple):
    """One file of a run directory.

    Attributes:
        path: relative to the run directory, with ``/``.
        size: in bytes.
        mtime_ns: time of its last change.
        inode: two names with the same number are one file.
        sha256: of its content; ``""`` where it was not asked for.
        left_out: why it cannot be kept, in words, where it is not a file or cannot be read; ``""`` for all others.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    sha256: str = ""
    left_out: str = ""


class CompletedCommand(NamedTuple):
    """How a command ended: its exit code and what it wrote to its standard output and error."""

    code: int
    out: str
    err: str


class JobCommand(NamedTuple):
    """What a job of a batch system has to run: a command, which supervises the run in a run directory."""

    run_dir: str
    argv: Sequence[str]


class Machine(Protocol):
    """A computer with a folder for run directories and a store of contents.

    Every verb may be repeated for the same run without harm: a caller that has lost an answer asks again.

    Attributes:
        shares_folder: the run directories of this machine are the service's own, so nothing has to be mirrored.
        patience: seconds without contact after which nothing is known of its runs.
        doing: what takes its time while the machine is made ready; ``""`` if nothing does.
        connected: as far as is known, it would answer now.
    """

    shares_folder: bool
    patience: float
    doing: str

    @property
    def connected(self) -> bool:
        """See the attributes."""

    def facts(self) -> dict[str, Any]:
        """Return what the machine has.

        Returns:
            ``{"host", "boot", "cores", "gpus", "home", "runs", "interpreter", "python", "system", "uv"}``, and
            ``"service"``, the address at which its scripts find the service's API, where that is another one than here.
        """

    def try_again(self) -> None:
        """Try to connect at the next call, although the last try may have been refused a moment ago."""

    def run(self, argv: Sequence[str], stdin: str = "", seconds: float = 60.0) -> CompletedCommand:
        """Run a command of the machine to its end.

        Args:
            argv: the program and its arguments; no shell reads them.
            stdin: text for its standard input.
            seconds: after which it is killed.

        Raises:
            ServiceException: there is no such program, or it took too long.
        """

    def prepare(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str]) -> str:
        """Lay out the run directory and have a shim ready for it.

        Args:
            run_id: the run.
            record: content of its ``spec.json``; the machine adds where things lie on it.
            private: files for the eyes of the owner only, by name.

        Returns:
            The native id: what names the shim on this machine. It does nothing before :meth:`start`.
        """

    def lay_out(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str], variable: str) -> JobCommand:
        """Lay out the run directory for a shim that a batch system will start, on whatever node.

        Args:
            run_id: the run.
            record: content of its ``spec.json``; the machine adds where things lie on it.
            private: files for the eyes of the owner only, by name.
            variable: environment variable that contains the id of a job of that system.

        Returns:
            What starts the shim in a job. It starts nothing before :meth:`allow`.
        """

    def allow(self, run_id: str, native_id: str) -> None:
        """Let a job of a batch system, and no other, start the run."""

    def tell(self, run_id: str, name: str, text: str) -> None:
        """Leave a small file for the shim of a run that is on several hosts.

        Args:
            run_id: the run.
            name: one of the names of :mod:`trainshed.spec.layout` that begin with ``POOL_``.
            text: its content.
        """

    def extend(self, run_id: str, pieces: Sequence[Tuple[str, int, bytes]], name: str = "", text: str = "") -> None:
        """Add what another host of a run has written to files of its run directory.

        Args:
            run_id: the run.
            pieces: (path, offset, bytes); what a file has beyond the offset already is not added again, and an offset
                of -1 is the end of the file.
            name: of a file to leave after that, as with :meth:`tell`; none if empty.
            text: its content.
        """

    def start(self, run_id: str, native_id: str) -> bool:
        """Give the run to the shim that stands ready.

        Returns:
            False when that shim is gone: prepare again.
        """

    def look(self, run_ids: Sequence[str] | Mapping[str, str]) -> dict[str, Observation]:
        """Return what is seen of each run, asking once for all.

        Args:
            run_ids: the runs; where they are known, each with its native id, by which a shim is found whose record a
                script has spoilt.
        """

    def end(self, run_ids: Sequence[str]) -> None:
        """Ask the shims of these runs to end them; where a shim is gone, end what it left behind."""

    def files(self, run_id: str, digests: bool = False) -> list[FileFacts]:
        """Return the files of a run directory that the service mirrors.

        Args:
            run_id: the run.
            digests: with the sha256 of each, and with everything else that is in the place of files.
        """

    def read(self, run_id: str, pieces: Sequence[Piece]) -> list[bytes]:
        """Return pieces of files of a run directory, asking once for all.

        Args:
            run_id: the run.
            pieces: what to read; together not more than a few megabytes.

        Returns:
            The bytes of each; fewer where the file ends, none where there is no such file.
        """

    def appended(self, offsets: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, bytes]]:
        """Return what the growing files of several runs have gained: journals, phases, logs.

        Args:
            offsets: run → path → bytes that the caller has; a path that is missing begins at 0.

        Returns:
            Run → path → the bytes that follow, of those files that have some.
        """

    def missing(self, hashes: Sequence[str]) -> list[str]:
        """Return those contents that the machine's store lacks."""

    def put(self, contents: Iterable[Content]) -> None:
        """Keep contents in the machine's store.

        Raises:
            MachineUnreachableException: a content is not what its hash says, and is to be sent again.
        """

    def install(self, name: str, sha: str) -> None:
        """Make a content of the store a program that runs find on their PATH.

        Args:
            name: of the program.
            sha: of the content.
        """

    def put_tree(self, tree: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Keep a tree whose contents are in the store, so that runs can have it laid out.

        Args:
            tree: its id.
            entries: as :mod:`trainshed.store.snapshots` has them.
        """

    def remove(self, run_id: str) -> None:
        """Delete the run directory."""

    def run_names(self) -> list[str]:
        """Return the runs that have a directory there."""

    def collect(self, runs: Sequence[str], unused_days: float, with_downloads: bool, dry_run: bool) -> list[Left]:
        """Remove what is not needed from the folder of this workspace there, and from what it shares with others.

        Args:
            runs: whose directories to remove.
            unused_days: contents, environments and node parts that were unused for so many days are removed.
            with_downloads: downloaded packages are removed, too.
            dry_run: nothing is.

        Returns:
            What was, or would be.
        """

    def close(self) -> None:
        """Let go of the machine; runs go on."""
