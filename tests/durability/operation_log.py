"""What programs do to the files of a folder, as strace tells it: the log from which a power failure can be played."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = 0
EVERYTHING = -1
"""In the place of an inode: sync(2) and its kind make all inodes durable."""
_TRACED = (
    "openat,open,creat,write,writev,pwrite64,pwritev,fsync,fdatasync,sync,syncfs,rename,renameat,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,fallocate,copy_file_range,sendfile,sendto,sendmsg"
)
_CALL = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<args>.*)\) += (?P<result>\d+)(?:<(?P<path>[^>]*)>)?")
_BEGUN = " <unfinished ...>\n"
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>")
_FD = re.compile(r"(?:\d+|AT_FDCWD)<(?P<path>[^>]*)>")
_QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Data(NamedTuple):
    """Bytes written to a file."""

    inode: int
    offset: int
    content: bytes


class Cut(NamedTuple):
    """The size of a file set."""

    inode: int
    size: int


class Entries(NamedTuple):
    """Names in folders changed at once: (folder, name, inode or None); durable once ``folder`` is synced."""

    changes: tuple[tuple[int, str, int | None], ...]
    folder: int


class Sync(NamedTuple):
    """A file's content, or a folder's names, made durable."""

    inode: int


class Sent(NamedTuple):
    """Bytes sent through a socket: what others know from here on."""

    content: bytes


Operation = Data | Cut | Entries | Sync | Sent


class OperationLog:
    """The operations of programs below one folder.

    Args:
        root: the folder; what is in it now counts as durable.

    Attributes:
        operations: in their order.
        paths: the first path of each inode, relative to the root.
        folders: the names in each folder at the end.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.operations: list[Operation] = []
        self.folders: dict[int, dict[str, int]] = {ROOT: {}}
        self.paths: dict[int, str] = {ROOT: ""}
        self._sizes: dict[int, int] = {}
        self.contents: dict[int, bytes] = {}
        for above, below, names in os.walk(self.root):
            for name in (*below, *names):
                path = Path(above, name)
                inode = self._new(self._relative(str(path)), path.is_dir())
                parent, _ = self._place(self._relative(str(path)))
                self.folders[parent][name] = inode
                if path.is_file():
                    self.contents[inode] = path.read_bytes()
                    self._sizes[inode] = len(self.contents[inode])
        self.first = {inode: dict(names) for inode, names in self.folders.items()}

    def record(self, argv: Sequence[str], environ: Mapping[str, str], log: Path) -> str:
        """Run a program, with all that it starts, and add what they do.

        Args:
            argv: the program.
            environ: its environment.
            log: where strace writes.

        Returns:
            What the program prints.
        """
        strace = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 22), "-o", str(log)]
        strace += ["-e", f"trace={_TRACED}", "-e", "signal=none"]
        done = subprocess.run([*strace, *argv], env=dict(environ), check=True, stdout=subprocess.PIPE, text=True)
        begun: dict[str, str] = {}
        with open(log, encoding="ascii") as lines:
            for line in lines:
                if line.endswith(_BEGUN):
                    begun[line.split(" ", 1)[0]] = line[: -len(_BEGUN)]
                    continue
                if ended := _RESUMED.match(line):
                    line = begun.pop(ended["pid"]) + line[ended.end() :]  # noqa: PLW2901
                if call := _CALL.match(line):
                    self._take(call["name"], call["args"].split(", "), int(call["result"]), _plain(call["path"] or ""))
        return done.stdout

    def made_folders(self) -> Iterator[tuple[int, str]]:
        """Yield the number of each operation that makes a folder, and the folder's path."""
        for number, operation in enumerate(self.operations):
            if isinstance(operation, Entries) and (inode := operation.changes[0][2]) in self.folders:
                yield number, self.paths[inode]

    def _take(self, name: str, args: list[str], result: int, opened: str) -> None:
        handler: Callable[..., None] = getattr(self, f"_{_ALIKE.get(name, name)}")
        handler(args, result, opened)

    # One method for each call, named like it.

    def _openat(self, args: list[str], _: int, opened: str) -> None:
        at = self._relative(opened)
        if not at:
            return
        inode = self._find(at)
        flags = next(arg for arg in args if arg.startswith("O_")).split("|")
        if inode is None and "O_CREAT" in flags:
            self._enter(at, self._new(at, folder=False))
        elif inode is not None and "O_TRUNC" in flags and self._sizes.get(inode):
            self._cut(inode, 0)

    def _write(self, args: list[str], result: int, _: str) -> None:
        path = _path_of(args[0])
        if path.startswith(("socket:", "TCP", "UNIX")):
            self.operations.append(Sent(_bytes(args[1])))
            return
        inode = self._inode(path)
        if inode is not None:
            # Files are written from their beginning to their end, or appended to; databases by pwrite.
            self._data(inode, self._sizes.get(inode, 0), _bytes(args[1])[:result])

    def _pwrite64(self, args: list[str], result: int, _: str) -> None:
        inode = self._inode(_path_of(args[0]))
        if inode is not None:
            self._data(inode, int(args[3]), _bytes(args[1])[:result])

    def _sendmsg(self, args: list[str], _: int, __: str) -> None:
        pieces = _QUOTED.findall(", ".join(args))
        self.operations.append(Sent(b"".join(map(_unescaped, pieces))))

    def _copy_file_range(self, args: list[str], result: int, _: str) -> None:
        into = next(arg for arg in args[1:] if _FD.match(arg))
        inode = self._inode(_path_of(into))
        if inode is not None:
            self._data(inode, self._sizes.get(inode, 0), b"?" * result)  # its content is nobody's promise

    def _sendfile(self, args: list[str], result: int, _: str) -> None:
        self._copy_file_range(["", args[0]], result, "")

    def _fsync(self, args: list[str], _: int, __: str) -> None:
        path = _path_of(args[0])
        inode = ROOT if Path(path) == self.root else self._inode(path)
        if inode is not None:
            self.operations.append(Sync(inode))

    def _sync(self, *_: object) -> None:
        self.operations.append(Sync(EVERYTHING))

    def _ftruncate(self, args: list[str], _: int, __: str) -> None:
        inode = self._inode(_path_of(args[0]))
        if inode is not None:
            self._cut(inode, int(args[1]))

    def _fallocate(self, args: list[str], _: int, __: str) -> None:
        inode = self._inode(_path_of(args[0]))
        if inode is not None and self._sizes.get(inode, 0) < int(args[2]) + int(args[3]):
            self._cut(inode, int(args[2]) + int(args[3]))

    def _mkdir(self, args: list[str], _: int, __: str) -> None:
        at = self._relative(_paths(args)[0])
        if at:
            self._enter(at, self._new(at, folder=True))

    def _unlink(self, args: list[str], _: int, __: str) -> None:
        at = self._relative(_paths(args)[0])
        if at:
            self._enter(at, None)

    def _link(self, args: list[str], _: int, __: str) -> None:
        old, new = map(self._relative, _paths(args))
        if new:
            assert old, "a link from outside"
            self._enter(new, self._find(old))

    def _rename(self, args: list[str], _: int, __: str) -> None:
        old, new = map(self._relative, _paths(args))
        if new or old:
            assert new, "moved away"
            assert old, "moved in"
            self._enter(new, self._find(old), leaving=old)

    # The folders as they are now.

    def _new(self, path: str, folder: bool) -> int:
        inode = len(self.paths)
        self.paths[inode] = path
        if folder:
            self.folders[inode] = {}
        return inode

    def _enter(self, path: str, inode: int | None, leaving: str = "") -> None:
        changes = [(*self._place(path), inode)]
        if leaving:
            changes.append((*self._place(leaving), None))
        for folder, name, what in changes:
            if what is None:
                self.folders[folder].pop(name, None)
            else:
                self.folders[folder][name] = what
        self.operations.append(Entries(tuple(changes), changes[0][0]))

    def _data(self, inode: int, offset: int, content: bytes) -> None:
        self._sizes[inode] = max(self._sizes.get(inode, 0), offset + len(content))
        self.operations.append(Data(inode, offset, content))

    def _cut(self, inode: int, size: int) -> None:
        self._sizes[inode] = size
        self.operations.append(Cut(inode, size))

    def _relative(self, path: str) -> str:
        """Return a path below the root; empty for one outside, or the root itself."""
        start = f"{self.root}/"
        return os.path.normpath(path)[len(start) :] if path.startswith(start) else ""

    def _inode(self, path: str) -> int | None:
        at = self._relative(path)
        return self._find(at) if at else None

    def _find(self, at: str) -> int | None:
        try:
            folder, name = self._place(at)
        except KeyError:
            return None
        return self.folders[folder].get(name)

    def _place(self, at: str) -> tuple[int, str]:
        *above, name = at.split("/")
        folder = ROOT
        for part in above:
            folder = self.folders[folder][part]
        return folder, name


_ALIKE = {
    "open": "openat",
    "creat": "openat",
    "writev": "sendmsg",
    "pwritev": "sendmsg",
    "sendto": "write",
    "fdatasync": "fsync",
    "syncfs": "sync",
    "renameat": "rename",
    "renameat2": "rename",
    "linkat": "link",
    "unlinkat": "unlink",
    "rmdir": "unlink",
    "mkdirat": "mkdir",
}


def _paths(args: list[str]) -> list[str]:
    """Return the paths of a call's arguments, each relative to the folder whose descriptor precedes it."""
    found, folder = [], ""
    for arg in args:
        if named := _QUOTED.fullmatch(arg):
            found.append(os.path.join(folder, os.fsdecode(_unescaped(named[1]))))
        elif _FD.match(arg):
            folder = _path_of(arg)
    return found


def _path_of(arg: str) -> str:
    """Return the path in ``5</path>``."""
    found = _FD.match(arg)
    return _plain(found["path"]) if found else ""


def _plain(path: str) -> str:
    return os.fsdecode(_unescaped(path)) if path.startswith("\\x") else path


def _bytes(arg: str) -> bytes:
    quoted = _QUOTED.fullmatch(arg)
    assert quoted, f"not whole: {arg[:80]}"
    return _unescaped(quoted[1])


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
