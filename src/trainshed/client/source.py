"""Turns a source folder into a snapshot: its entries, each with the hash of its content."""

from __future__ import annotations

import os
import stat
import time

from trainshed.client.ignore import AMLIGNORE, MARKS, BuiltIn, rules_of, usually_secret
from trainshed.client.index import Index
from trainshed.errors import TYPE_CHECKING, SnapshotException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from trainshed.client.gitignore import Ignore

SNAPSHOT_MAX_SIZE_BYTES = 300 << 20
"""Maximum size of a snapshot in bytes; change it here or with ``AML_SNAPSHOT_MAX_SIZE``, which takes precedence."""
SNAPSHOT_MAX_FILES = 2000
"""Maximum number of new or changed files since the last submit, unless ``AML_SNAPSHOT_NO_FILE_LIMIT`` is set."""

_GIVE_UP = 100_000
_TRIES = 3
_CHUNK = 1 << 20
_KEEP_FILE = 4 << 20
_KEEP_ALL = 64 << 20
_OFFENDERS = 5
_HEAD = 40


class Source:
    """A source folder at the time it was read.

    Attributes:
        folder: its real path.
        changed: files that are new or changed since the index was written.
        size: bytes of all its files.
        skipped: sockets, pipes and devices, which are excluded.
        environments: folders of virtual environments, which are excluded.
        secrets: files and folders that usually hold passwords or keys, which are excluded.
        known: id of the snapshot if nothing changed since the last submit, else None.
    """

    def __init__(self, folder: str, index: Index) -> None:
        self.folder = folder
        self.changed: list[str] = []
        self.size = 0
        self.skipped: list[str] = []
        self.environments: list[str] = []
        self.secrets: list[str] = []
        self.known: str | None = None
        self._rules_file = AMLIGNORE
        self._looked = int(time.time() * 1e9)
        self._index = index
        self._files: dict[str, list[Any]] = {}
        self._links: dict[str, str] = {}
        self._dirs: list[str] = []
        self._unsure: list[str] = []
        self._contents: dict[str, bytes] = {}
        self._kept = 0

    def entries(self) -> list[dict[str, Any]]:
        """Return the contents of the folder in the form of the service's API."""
        files: list[dict[str, Any]] = [
            {"path": path, "kind": "file", "sha256": facts[5], "size": facts[0], "mode": _mode(facts[4])}
            for path, facts in self._files.items()
        ]
        links = [{"path": path, "kind": "link", "target": target} for path, target in self._links.items()]
        return [*files, *links, *({"path": path, "kind": "dir"} for path in self._dirs)]

    def has(self, path: str) -> bool:
        """Tell whether a file is part of the snapshot, directly or through a link to a folder.

        Args:
            path: relative to the folder.
        """
        parents = (path[:place] for place, char in enumerate(path) if char == "/")
        return path in self._files or path in self._links or any(parent in self._links for parent in parents)

    @property
    def secrets_note(self) -> str:
        """A warning that names what was excluded because it usually holds secrets; empty if nothing was."""
        if not self.secrets:
            return ""
        return (
            f"Excluded from the snapshot, because they usually hold secrets: {', '.join(sorted(self.secrets))}. "
            f"To include one, add a line such as '!/{min(self.secrets)}' to {self._rules_file}."
        )

    def look(self) -> None:
        """Walk the folder, with one stat per file."""
        rules = rules_of(self.folder)
        self._rules_file = rules.file
        stack = [""]
        while stack:
            prefix = stack.pop()
            if not self._look_into(prefix, rules, stack) and prefix:
                self._dirs.append(prefix[:-1])
            if len(self.changed) > _GIVE_UP:
                return

    def _look_into(self, prefix: str, rules: Ignore | BuiltIn, stack: list[str]) -> bool:
        """Read one folder; tell whether it contributes any entry."""
        excludes, before = rules.excludes, len(stack)
        found = False
        entries = _listed(self.folder, prefix)
        if prefix and not MARKS.isdisjoint(entry.name for entry in entries):
            folder = prefix[:-1]
            if excludes(folder, folder.rpartition("/")[2], True, otherwise=True):
                self.environments.append(folder)
                return True
        for entry in entries:
            name = entry.name
            path = prefix + name
            is_dir = entry.is_dir(follow_symlinks=False)
            if excludes(path, name, is_dir):
                continue
            if usually_secret(self.folder, path, name, is_dir) and excludes(path, name, is_dir, otherwise=True):
                self.secrets.append(path)
            elif is_dir:
                stack.append(path + "/")
            elif entry.is_file(follow_symlinks=False):
                self._file(path, entry.stat(follow_symlinks=False))
                found = True
            elif entry.is_symlink():
                self._links[path] = self._target(path)
                found = True
            else:
                self.skipped.append(path)
        return found or len(stack) > before

    def _file(self, path: str, now: os.stat_result) -> None:
        facts = [now.st_size, now.st_mtime_ns, now.st_ino, now.st_ctime_ns, now.st_mode]
        self.size += now.st_size
        known = self._index.files.get(path)
        if known is None or known[:5] != facts:
            self.changed.append(path)
            self._files[path] = facts
        else:
            self._files[path] = known
            if not self._index.settled(known):
                self._unsure.append(path)

    def _target(self, path: str) -> str:
        full = os.path.join(self.folder, path)
        target = os.readlink(full)
        real = os.path.realpath(full)
        if real != self.folder and not real.startswith(os.path.join(self.folder, "")):
            raise SnapshotException(
                f"'{path}' is a link to '{target}', outside the source folder. "
                f"Copy its target into the folder, or exclude the link with a line '/{path}' in {AMLIGNORE}."
            )
        return os.path.relpath(target, os.path.dirname(full)) if os.path.isabs(target) else target

    def check_limits(self) -> None:
        """Raise if the folder exceeds a limit for snapshots.

        Raises:
            SnapshotException: too many bytes or too many new files; the message names the biggest.
        """
        most = _max_size()
        if self.size > most:
            raise SnapshotException(
                f"The source folder {self.folder} has {_mb(self.size)}; the limit is {_mb(most)}. Biggest: "
                f"{_biggest(self._files, lambda facts: int(facts[0]), _mb)}. Exclude files with {AMLIGNORE}, "
                "put data on a datastore, or set AML_SNAPSHOT_MAX_SIZE to a number of bytes."
            )
        if len(self.changed) > SNAPSHOT_MAX_FILES and not os.environ.get("AML_SNAPSHOT_NO_FILE_LIMIT"):
            changed = {path: self._files[path] for path in self.changed}
            raise SnapshotException(
                f"The source folder {self.folder} has {len(self.changed)} new or changed files; the limit is "
                f"{SNAPSHOT_MAX_FILES}. Most are in: {_biggest(changed, lambda _: 1, lambda n: f'{n} files')}. "
                f"Exclude files with {AMLIGNORE}, or set AML_SNAPSHOT_NO_FILE_LIMIT=1."
            )

    def hash(self) -> None:
        """Hash new and changed files, including those that changed shortly before they were last read."""
        same = self._same_shape()
        for path in self.changed:
            self._hash(path)
        for path in self._unsure:
            before = self._files[path][5]
            self._hash(path)
            same = same and self._files[path][5] == before
        if same and not self.changed:
            self.known = self._index.snapshot

    def _same_shape(self) -> bool:
        index = self._index
        return (
            len(self._files) == len(index.files)
            and self._links == index.links
            and sorted(self._dirs) == sorted(index.dirs)
        )

    def _hash(self, path: str) -> None:
        for _ in range(_TRIES):
            facts, content = _hashed(os.path.join(self.folder, path), path)
            if facts is not None:
                self._files[path] = facts
                if content is not None and self._kept + len(content) <= _KEEP_ALL:
                    self._contents[facts[5]] = content
                    self._kept += len(content)
                return
        raise SnapshotException(
            f"'{path}' is being written to. Submit again when it no longer changes, or add it to {AMLIGNORE}."
        )

    def remember(self, snapshot: str) -> None:
        """Save the facts for the next submit.

        Args:
            snapshot: id of the snapshot made from this source.
        """
        if self.known is not None and not self._unsure:
            return
        index = self._index
        index.files, index.links, index.dirs = self._files, self._links, self._dirs
        index.snapshot, index.time = snapshot, self._looked
        index.save()

    def pack(self, wanted: list[str]) -> tuple[Callable[[], Iterator[bytes]], int]:
        """Return contents in the form in which they are sent and stored: each preceded by its hash and length.

        Args:
            wanted: SHA-256 hashes of the contents.

        Returns:
            A function that yields the pieces, and their total number of bytes.
        """
        where = {facts[5]: (path, facts[0]) for path, facts in self._files.items()}

        def pieces() -> Iterator[bytes]:
            for sha in wanted:
                path, size = where[sha]
                yield bytes.fromhex(sha) + size.to_bytes(8, "big")
                yield from self.content(sha, path, size)

        return pieces, sum(where[sha][1] + _HEAD for sha in wanted)

    def content(self, sha: str, path: str, size: int) -> Iterator[bytes]:
        """Yield the content of a file, from memory if it is small.

        Args:
            sha: its hash.
            path: path of the file.
            size: its expected size in bytes.

        Raises:
            SnapshotException: the file has changed.
        """
        if sha in self._contents:
            yield self._contents[sha]
            return
        import hashlib  # see _hashed

        digest = hashlib.sha256()
        with open(os.path.join(self.folder, path), "rb") as file:
            while size:
                piece = file.read(min(size, _CHUNK))
                if not piece:
                    raise SnapshotException(f"'{path}' became shorter while it was being sent. Submit again.")
                size -= len(piece)
                digest.update(piece)
                yield piece
        if digest.hexdigest() != sha:
            raise SnapshotException(f"'{path}' changed while it was being sent. Submit again.")


def take(folder: str, index: str | None = None) -> Source:
    """Read a source folder.

    Args:
        folder: path of the folder.
        index: where its index is stored; None disables it.

    Raises:
        SnapshotException: a limit is exceeded, a link leads outside, or a file cannot be read or keeps changing.
    """
    real = os.path.realpath(folder)
    source = Source(real, Index(index, real))
    source.look()
    source.check_limits()
    source.hash()
    return source


def _listed(folder: str, prefix: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.join(folder, prefix)) as entries:
            return list(entries)
    except PermissionError as error:
        raise SnapshotException(
            f"The folder '{prefix or folder}' cannot be read. Change its permissions or add it to {AMLIGNORE}."
        ) from error


def _hashed(full: str, path: str) -> tuple[list[Any] | None, bytes | None]:
    """Return a file's facts with its hash, and its content if it is small; no facts if it changed meanwhile."""
    import hashlib  # imports OpenSSL, which an unchanged folder does not need

    try:
        path.encode()
        fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except UnicodeEncodeError as error:
        raise SnapshotException(
            f"The name of file {path!r} is not UTF-8. Rename it or add it to {AMLIGNORE}."
        ) from error
    except OSError as error:
        raise SnapshotException(
            f"'{path}' cannot be read ({error.strerror}). Change its permissions or add it to {AMLIGNORE}."
        ) from error
    with open(fd, "rb", buffering=0) as file:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            return None, None
        digest, kept = hashlib.sha256(), before.st_size <= _KEEP_FILE
        pieces = []
        for piece in iter(lambda: file.read(_CHUNK), b""):
            digest.update(piece)
            if kept:
                pieces.append(piece)
        after = os.fstat(fd)
    facts = [before.st_size, before.st_mtime_ns, before.st_ino, before.st_ctime_ns, before.st_mode]
    if facts != [after.st_size, after.st_mtime_ns, after.st_ino, after.st_ctime_ns, after.st_mode]:
        return None, None
    return [*facts, digest.hexdigest()], b"".join(pieces) if kept else None


def _mode(mode: int) -> int:
    return 0o755 if mode & 0o100 else 0o644


def _max_size() -> int:
    text = os.environ.get("AML_SNAPSHOT_MAX_SIZE")
    if not text:
        return SNAPSHOT_MAX_SIZE_BYTES
    if not text.isdigit():
        raise SnapshotException(f"AML_SNAPSHOT_MAX_SIZE is {text!r}; it must be a number of bytes.")
    return int(text)


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"


def _biggest(files: dict[str, list[Any]], weigh: Any, show: Any) -> str:
    """Return the largest entries of the folder, each with its weight."""
    weights: dict[str, int] = {}
    for path, facts in files.items():
        top, slash, _ = path.partition("/")
        weights[top + slash] = weights.get(top + slash, 0) + weigh(facts)
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:_OFFENDERS]
    return ", ".join(f"{name} ({show(weight)})" for name, weight in heaviest)
