"""The states in which a power failure can leave a folder: from an operation log, any prefix with what was not synced
kept, lost, or torn.

Names in a folder are durable once the folder was synced, contents once the file was. Until then any part of them may be
on the disk: more states than one file system has, so that none of them is relied on. One thing is: of the changes of
names in one folder, no later one is on the disk without the earlier ones.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterator
from typing import NamedTuple

from operation_log import EVERYTHING, ROOT, Cut, Data, Entries, Operation, OperationLog, Sent, Sync

_WHOLE, _HALF, _ZEROS = "whole", "half", "zeros"
_RANDOM = 12
Choice = dict[int, str]
"""What of the operations not yet durable has reached the disk: number of the operation → how much of it."""
Files = dict[str, bytes]


class State(NamedTuple):
    """A folder after a power failure.

    Attributes:
        at: the number of operations before the failure.
        choice: what of the operations not yet durable is on the disk.
        files: path → content.
    """

    at: int
    choice: Choice
    files: Files


class PowerLoss:
    """Plays power failures.

    Args:
        log: what was done.
        ignored: inodes whose contents are not looked at.
        seed: of the choice of states where there are too many.
    """

    def __init__(self, log: OperationLog, ignored: Container[int], seed: int) -> None:
        self._operations = log.operations
        self._first, self._contents, self._folders = log.first, log.contents, log.folders.keys()
        self._paths = log.paths
        self._ignored = ignored
        self._random = random.Random(seed)
        self._made: dict[tuple[bytes, tuple[tuple[int, str], ...]], bytes] = {}

    def states(self, most: int) -> Iterator[State]:
        """Yield states, each other than the last ones.

        Args:
            most: states per operation; where there are more, they are chosen at random.
        """
        folders = {inode: dict(names) for inode, names in self._first.items()}
        contents = dict(self._contents)
        pending: list[int] = []
        for number, operation in enumerate(self._operations):
            if isinstance(operation, Sync):
                durable = self._settled(pending, operation)
                self._apply(dict.fromkeys(durable, _WHOLE), folders, contents)
                pending = [each for each in pending if each not in durable]
            elif not isinstance(operation, Sent) and not self._of_no_interest(operation):
                pending.append(number)
            seen = set()
            for choice in self._choices(pending, most):
                files = self._files(choice, folders, contents)
                sign = hash(frozenset(files.items()))
                if sign not in seen:
                    seen.add(sign)
                    yield State(number + 1, choice, files)

    def lost(self, state: State) -> str:
        """Say what of the last operations is not on the disk as it was done."""
        pending: list[int] = []
        for number, operation in enumerate(self._operations[: state.at]):
            if isinstance(operation, Sync):
                durable = self._settled(pending, operation)
                pending = [each for each in pending if each not in durable]
            elif not isinstance(operation, Sent) and not self._of_no_interest(operation):
                pending.append(number)
        parts = [f"{state.choice.get(each, 'lost')}: {self._told(each)}" for each in pending]
        return "; ".join(part for part in parts if not part.startswith(_WHOLE))

    def _told(self, number: int) -> str:
        operation = self._operations[number]
        if isinstance(operation, Entries):
            return ", ".join(f"name {self._paths[folder]}/{name}" for folder, name, _ in operation.changes)
        return f"content of {self._paths[operation.inode]}" if isinstance(operation, (Data, Cut)) else ""

    def _of_no_interest(self, operation: Operation) -> bool:
        return isinstance(operation, (Data, Cut)) and operation.inode in self._ignored

    def _settled(self, pending: list[int], sync: Sync) -> list[int]:
        """Return what a sync makes durable, with what was done before to names that were moved from elsewhere."""
        durable: list[int] = []
        names: set[tuple[int, str]] = set()
        for each in reversed(pending):
            operation = self._operations[each]
            here = _names(operation)
            if _settles(sync, operation) or names & here:
                durable.insert(0, each)
                names |= here
        return durable

    def _choices(self, pending: list[int], most: int) -> list[Choice]:
        whole = dict.fromkeys(pending, _WHOLE)
        found: list[Choice] = []
        for each in pending:
            found += [{other: how for other, how in whole.items() if other != each}, {each: _WHOLE}]
            if isinstance(self._operations[each], Data):
                found += [{**whole, each: _HALF}, {**whole, each: _ZEROS}]
        for _ in range(_RANDOM if pending else 0):
            some = [each for each in pending if self._random.random() < 0.5]
            found.append({each: self._random.choice((_WHOLE, _WHOLE, _HALF, _ZEROS)) for each in some})
        if len(found) > most:
            found = self._random.sample(found, most)
        return [whole, {}, *(self._in_order(choice, pending) for choice in found)]

    def _in_order(self, choice: Choice, pending: list[int]) -> Choice:
        """Leave out the changes of names in a folder that follow one that is left out."""
        stopped: set[int] = set()
        kept = {}
        for each in pending:
            operation = self._operations[each]
            if isinstance(operation, Entries) and (each not in choice or operation.folder in stopped):
                stopped.add(operation.folder)
            elif each in choice:
                kept[each] = choice[each]
        return kept

    def _files(self, choice: Choice, folders: dict[int, dict[str, int]], contents: dict[int, bytes]) -> Files:
        changed = {folder for each in choice for folder, _ in _names(self._operations[each])}
        names = {**folders, **{folder: dict(folders.get(folder, {})) for folder in changed}}
        here = dict(contents)
        self._apply(choice, names, here)
        files: Files = {}
        left = [("", ROOT)]
        while left:
            path, folder = left.pop()
            for name, inode in names.get(folder, {}).items():
                if inode in self._folders:
                    left.append((f"{path}{name}/", inode))
                elif inode not in self._ignored:
                    files[path + name] = here.get(inode, b"")
        return files

    def _apply(self, choice: Choice, folders: dict[int, dict[str, int]], contents: dict[int, bytes]) -> None:
        parts: dict[int, list[tuple[int, str]]] = {}
        for number, how in sorted(choice.items()):
            operation = self._operations[number]
            if isinstance(operation, Entries):
                for folder, name, inode in operation.changes:
                    if inode is None:
                        folders.setdefault(folder, {}).pop(name, None)
                    else:
                        folders.setdefault(folder, {})[name] = inode
            elif isinstance(operation, (Data, Cut)):
                parts.setdefault(operation.inode, []).append((number, how))
        for inode, changes in parts.items():
            contents[inode] = self._content(contents.get(inode, b""), tuple(changes))

    def _content(self, before: bytes, changes: tuple[tuple[int, str], ...]) -> bytes:
        key = before, changes
        if key not in self._made:
            made = bytearray(before)
            for number, how in changes:
                operation = self._operations[number]
                if isinstance(operation, Cut):
                    made[operation.size :] = b""
                    made.extend(bytes(operation.size - len(made)))
                elif isinstance(operation, Data):
                    _put(made, operation, how)
            self._made[key] = bytes(made)
        return self._made[key]


def _put(made: bytearray, operation: Data, how: str) -> None:
    content = operation.content
    if how == _HALF:
        content = content[: len(content) // 2]
    elif how == _ZEROS:  # the size has reached the disk, and the content has not
        content = bytes(len(content))
    made.extend(bytes(max(operation.offset - len(made), 0)))
    made[operation.offset : operation.offset + len(content)] = content


def _settles(sync: Sync, operation: Operation) -> bool:
    if isinstance(operation, Entries):
        return sync.inode in (EVERYTHING, operation.folder)
    return isinstance(operation, (Data, Cut)) and sync.inode in (EVERYTHING, operation.inode)


def _names(operation: Operation) -> set[tuple[int, str]]:
    return {(folder, name) for folder, name, _ in operation.changes} if isinstance(operation, Entries) else set()
