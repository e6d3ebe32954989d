"""Says of the names of SDK v1 in scripts and notebooks what becomes of them, without running anything."""

from __future__ import annotations

from typing import NamedTuple

from azureml._check import sources
from azureml._check.flow import Flow, Use
from azureml._check.knowledge import DIFFERS, NOT_HERE, WORKS

STATUSES = (WORKS, DIFFERS, NOT_HERE)


class Name(NamedTuple):
    """A name that a file uses.

    Attributes:
        name: full name in SDK v1, e.g. ``"azureml.core.Run.log"``.
        status: ``"works"``, ``"differs"`` or ``"not here"``.
        text: what differs or what to do instead, as a sentence; empty if it works.
        places: cell and line of each use; the cell is None in a script.
    """

    name: str
    status: str
    text: str
    places: list[tuple[int | None, int]]


class Report(NamedTuple):
    """What was found in one file.

    Attributes:
        path: the file.
        names: the names of SDK v1 in it, in the order of their first use.
        problems: cell, line and reason of each part that could not be read.
    """

    path: str
    names: list[Name]
    problems: list[tuple[int | None, int, str]]

    def count(self, status: str) -> int:
        """Return the number of names with a status."""
        return sum(name.status == status for name in self.names)

    @property
    def status(self) -> str:
        """The worst status of all names."""
        return max((name.status for name in self.names), key=STATUSES.index, default=WORKS)


def check(paths: list[str]) -> list[Report]:
    """Check scripts, notebooks, and all of them in folders.

    Args:
        paths: files and folders.

    Returns:
        A report for each file, also for those without names of SDK v1.

    Raises:
        FileNotFoundError: a path does not exist.

    Example:
        >>> [report.status for report in check(["train.py"])]
        ['works']
    """
    return [_file(path) for path in sources.files(paths)]


def _file(path: str) -> Report:
    pieces = sources.read(path)
    programs = [[piece for piece in pieces if not piece.own], *([piece] for piece in pieces if piece.own)]
    problems = [(piece.cell, piece.first + 1, piece.problem) for piece in pieces if piece.problem]
    uses: list[Use] = []
    for program in programs:
        try:
            uses += Flow().run(program)
        except RecursionError:
            problems.append((program[0].cell, program[0].first + 1, "it is nested too deeply"))
    return Report(path, _names(uses), problems)


def _names(uses: list[Use]) -> list[Name]:
    """Return the uses by name, each name with the worst that becomes of it and the places where it does."""
    named: dict[str, Name] = {}
    for use in sorted(uses, key=lambda use: (use.cell or 0, use.line)):
        status, text = use.verdict
        known = named.get(use.name)
        if known is None or STATUSES.index(status) > STATUSES.index(known.status):
            known = named[use.name] = Name(use.name, status, text, [])
        if status == known.status and (use.cell, use.line) not in known.places:
            known.places.append((use.cell, use.line))
    return sorted(named.values(), key=lambda name: (name.places[0][0] or 0, name.places[0][1]))
