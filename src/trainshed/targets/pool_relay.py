"""Brings what one host has written for a run to the first host of that run."""

from __future__ import annotations

import json
from functools import cached_property

from trainshed.machines.machine import FileFacts, Machine
from trainshed.spec import layout

_PIECE = 4 << 20
_SKIPPED = 1 << 60
_MERGED = (layout.DRIVER_LOG, layout.JOURNAL)
"""All hosts write these, line by line."""
_KEPT = (
    *(folder for _, folder in layout.ROOTS if folder.startswith("code/")),
    f"{layout.ARTIFACTS}/",
    f"{layout.OUTBOX}/",
)
_EVENTS = tuple(folder for _, folder in layout.EVENTS)


class Relay:
    """From one host to the first.

    Args:
        run_id: the run.
        number: of the node.
        first: the first host.
        machine: the other one.
    """

    def __init__(self, run_id: str, number: int, first: Machine, machine: Machine) -> None:
        self._run_id = run_id
        self._number = number
        self._first = first
        self._machine = machine
        self._note = f"{layout.POOL_RELAYED}-{number}"

    @cached_property
    def _offsets(self) -> dict[str, int]:
        """How much of each growing file is there already."""
        noted = self._first.read(self._run_id, [(f"{layout.POOL}/{self._note}", 0, _PIECE)])[0]
        known = dict.fromkeys((layout.PHASES, layout.BUILD_LOG), _SKIPPED)
        known.update(dict.fromkeys(_MERGED, 0), **(json.loads(noted) if noted else {}))
        return known

    def follow(self, last: bool = False) -> bool:
        """Bring what logs and journal have gained; return whether there was something.

        Args:
            last: the host's part has ended, and so has its last line.
        """
        told = self._machine.appended({self._run_id: self._offsets}).get(self._run_id, {})
        pieces = []
        for path, data in told.items():
            if path in _MERGED:
                end = len(data) if last else data.rfind(b"\n") + 1
                whole = data[:end] + (b"\n" if last and data[-1:] != b"\n" else b"")
                pieces.append((path, -1, whole, end))
            elif _is_rank_log(path):
                pieces.append((path, self._offsets.get(path, 0), data, len(data)))
            else:
                self._offsets[path] = _SKIPPED  # brought at the end, unless the first host has one of that name
        pieces = [each for each in pieces if each[3]]
        if not pieces:
            return False
        for path, _, _, size in pieces:
            self._offsets[path] = self._offsets.get(path, 0) + size
        note = json.dumps({path: size for path, size in self._offsets.items() if size != _SKIPPED})
        self._first.extend(self._run_id, [each[:3] for each in pieces], self._note, note)
        return True

    def complete(self, with_build_log: bool) -> None:
        """Bring everything else, once the host's part has ended.

        Args:
            with_build_log: append the log of its environment, too, as that says why it failed.
        """
        while self.follow(last=True):
            pass
        if with_build_log:
            log = self._machine.read(self._run_id, [(layout.BUILD_LOG, 0, _PIECE)])[0]
            self._first.extend(self._run_id, [(layout.BUILD_LOG, -1, b"On node-%d:\n" % self._number + log)])
        there = {each.path: each for each in self._first.files(self._run_id, digests=True)}
        for each in self._machine.files(self._run_id, digests=True):
            if each.left_out or not _is_kept(each.path):
                continue
            if each.path not in there:
                self._bring(each, each.path)
            elif there[each.path].sha256 != each.sha256:
                self._bring(each, _renamed(each.path, self._number))

    def _bring(self, facts: FileFacts, path: str) -> None:
        offset = 0
        while offset < facts.size or not offset:
            piece = self._machine.read(self._run_id, [(facts.path, offset, _PIECE)])[0]
            self._first.extend(self._run_id, [(path, offset, piece)])
            offset += len(piece)
            if not piece:
                return


def _is_rank_log(path: str) -> bool:
    return path.startswith("azureml-logs/70_driver_log_")


def _is_kept(path: str) -> bool:
    return path.startswith(_KEPT) or (path.startswith(_EVENTS) and layout.is_event_file(path))


def _renamed(path: str, number: int) -> str:
    """Return the path of a file of which the first host has another one.

    Example:
        >>> _renamed("code/outputs/model.pt", 1)
        'code/outputs/node-1/model.pt'
    """
    folder = next(each for each in (*_KEPT, *_EVENTS) if path.startswith(each))
    return f"{folder}node-{number}/{path[len(folder) :]}"
