"""``trainshed azureml``."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from trainshed.cli import show
from trainshed.errors import UserErrorException

_SHOWN_PLACES = 5
_ONE = {"works": "name works", "differs": "works differently", "not here": "is not here"}
_MANY = {"works": "names work", "differs": "work differently", "not here": "are not here"}


def check(options: argparse.Namespace) -> int:
    """Say what becomes of the names of SDK v1 in scripts and notebooks, without running them.

    Returns:
        The exit code: 1 if a name is not here or a file could not be read.

    Raises:
        UserErrorException: trainshed-azureml is not installed, or a path does not exist.
    """
    try:
        from azureml import _check
    except ImportError as error:
        if "azureml-core" in str(error):
            raise UserErrorException(str(error)) from None
        raise UserErrorException(
            "This command needs trainshed-azureml, which has the names of SDK v1. Install it in this environment: "
            "pip install ./compat/azureml (in a checkout of Trainshed)."
        ) from None
    try:
        reports = _check.check(options.paths)
    except FileNotFoundError as error:
        raise UserErrorException(f"There is no file or folder '{error.filename}'.") from None
    shown = [report for report in reports if report.names or report.problems]
    if options.json:
        show.as_json({"files": [_as_json(report) for report in shown], "totals": _totals(shown, len(reports))})
    else:
        for report in shown:
            _print(report)
        _print_differences(shown)
        print("\n" * bool(shown), end="")
        print(_summary(_totals(shown, len(reports))))
    return int(any(report.problems or report.status == "not here" for report in shown))


def _print(report: Any) -> None:
    """Print one line for a file, and one for each name that does not simply work."""
    counts = [(report.count(status), status) for status in _MANY]
    told = [f"{number} {(_ONE if number == 1 else _MANY)[status]}" for number, status in counts if number]
    if report.status == "works" and not report.problems:
        print(show.clean(f"{report.path}: everything works ({len(report.names)} names)"))
        return
    print(show.clean(f"{report.path}: {', '.join(told) or 'not checked'}"))
    for cell, line, reason in report.problems:
        print(show.clean(f"  {_place(report.path, cell, line)}: This part was not checked, because {reason}."))
    for name in report.names:
        if name.status == "not here":
            first, *others = name.places
            also = f" (also {_places(others)})" if others else ""
            print(show.clean(f"  {_place(report.path, *first)}: {_sentence(name)}{also}"))
    different = [f"{_short(name)} ({_places(name.places)})" for name in report.names if name.status == "differs"]
    if different:
        print(show.clean(f"  works differently: {', '.join(different)}"))


def _sentence(name: Any) -> str:
    """Return what to do instead of a name, with the name."""
    *_, owner, last = name.name.split(".")
    label = f"{owner}.{last}" if owner[:1].isupper() else last
    return str(name.text) if last.partition("(")[0] in name.text or owner in name.text else f"{label}: {name.text}"


def _short(name: Any) -> str:
    """Return a name as its text begins, e.g. ``Run.complete``."""
    return str(name.text.partition(":")[0])


def _place(path: str, cell: int | None, line: int) -> str:
    return f"{path}:{line}" if cell is None else f"cell {cell}, line {line}"


def _places(places: list[tuple[int | None, int]]) -> str:
    """Return the lines, or the cells, in which a name is used."""
    what = "line" if places[0][0] is None else "cell"
    numbers = list(dict.fromkeys(str(line if cell is None else cell) for cell, line in places))
    more = ", …" if len(numbers) > _SHOWN_PLACES else ""
    return f"{what}{'s' * (len(numbers) > 1)} {', '.join(numbers[:_SHOWN_PLACES])}{more}"


def _print_differences(reports: list[Any]) -> None:
    """Print once what each name that works differently does here."""
    told = {name.text for report in reports for name in report.names if name.status == "differs"}
    if told:
        print("\nWhat works differently:")
    for text in sorted(told):
        print(show.clean(f"  {text}"))


def _totals(reports: list[Any], files: int) -> dict[str, int]:
    by_status = Counter(report.status for report in reports if not report.problems)
    return {
        "works": by_status["works"],
        "differs": by_status["differs"],
        "not_here": by_status["not here"],
        "not_read": sum(bool(report.problems) for report in reports),
        "without_azureml": files - len(reports),
    }


def _summary(totals: dict[str, int]) -> str:
    parts = (
        ("works", "work unchanged"),
        ("differs", "work with differences"),
        ("not_here", "use names that are not here"),
        ("not_read", "could not be checked whole"),
    )
    told = ", ".join(f"{totals[key]} {words}" for key, words in parts if totals[key])
    files = sum(totals[key] for key, _ in parts)
    summary = f"{files} file{'s' * (files != 1)} with names of SDK v1{': ' * bool(told)}{told}"
    return summary + (f"; {totals['without_azureml']} without" if totals["without_azureml"] else "")


def _as_json(report: Any) -> dict[str, Any]:
    return {
        "path": report.path,
        "status": report.status.replace(" ", "_"),
        "names": [
            {
                "name": name.name,
                "status": name.status.replace(" ", "_"),
                "text": name.text,
                "places": [{"cell": cell, "line": line} for cell, line in name.places],
            }
            for name in report.names
        ],
        "problems": [{"cell": cell, "line": line, "reason": reason} for cell, line, reason in report.problems],
    }
