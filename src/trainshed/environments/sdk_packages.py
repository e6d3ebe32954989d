"""Packages of SDK v1 in package lists: what is installed in place of each, as its own code never is."""

from __future__ import annotations

import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.spec.secrets import masked

_TABLE = os.path.join(os.path.dirname(__file__), "sdk_packages.tsv")
_SDK = re.compile(r"azureml(?:-[a-z0-9-]+)?\Z")
_EXTRAS = re.compile(r"[\w.-]+ ?\[([^\]]*)\]")
_FILE = re.compile(r"(?:.*/)?([A-Za-z][\w.-]*?)-\d[^/]*\.(?:whl|tar\.gz|zip)\Z")
_EGG = re.compile(r"#(?:.*&)?egg=([\w.-]+)")


class Replacement(NamedTuple):
    """What is installed in place of a package of SDK v1.

    Attributes:
        packages: pip requirements, with the marker of the replaced one.
        note: message for the user.
    """

    packages: Tuple[str, ...]
    note: str


def replacement(requirement: str) -> Optional[Replacement]:
    """Return what to install in place of a package of SDK v1, or None for any other package.

    Args:
        requirement: a pip requirement, also with extras, a version, a marker, a URL or the path of a wheel. Versions do
            not matter: the newest packages that fit the rest of the list are installed.

    Example:
        >>> replacement("azureml-dataset-runtime[parquet]==1.38; python_version < '3.9'").packages[-1]
        "pyyaml; python_version < '3.9'"
        >>> replacement("numpy") is None
        True
    """
    whole, _, marker = re.split(r" --hash\b", requirement, maxsplit=1)[0].partition(";")
    name = normal_name(_distribution(whole))
    if not _SDK.match(name):
        return None
    rows = _rows()
    extras = _EXTRAS.match(whole.strip())
    asked = [
        name,
        *(f"{name}[{normal_name(extra)}]" for extra in (extras.group(1) if extras else "").split(",") if extra),
    ]
    packages = _expanded(asked, rows)
    suffix = f"; {marker.strip()}" if marker.strip() else ""
    return Replacement(
        tuple(f"{each}{suffix}" for each in packages), _note(masked(whole.strip()), name, packages, rows)
    )


def normal_name(requirement: str) -> str:
    """Return the normalized name of a requirement, e.g. ``"scikit-learn"`` for ``"Scikit_Learn>=1"``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement.strip(), maxsplit=1)[0]).lower()


def names() -> List[str]:
    """Return the names of all known packages of SDK v1."""
    return [name for name in _rows() if "[" not in name]


def _distribution(requirement: str) -> str:
    """Return the requirement, or the name of the package if it is a URL or a path without one."""
    place = requirement.strip()
    if not ("://" in place.partition("@")[0] or place.startswith("/")):
        return place
    found = _EGG.search(place) or _FILE.match(re.split(r"[?#\s]", place, maxsplit=1)[0])
    return found.group(1) if found else ""


def _expanded(asked: Sequence[str], rows: Dict[str, Tuple[List[str], str]]) -> List[str]:
    """Return the public packages that packages of SDK v1 brought, sorted."""
    found, seen, left = set(), set(), list(asked)
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in rows:
            left += rows[name][0]
            left += [name.partition("[")[0]] if "[" in name else []
        elif not _SDK.match(name.partition("[")[0]):
            found.add(name)
    return sorted(found)


def _note(written: str, name: str, packages: Sequence[str], rows: Dict[str, Tuple[List[str], str]]) -> str:
    if name not in rows:
        return (
            f"{written} is left out, as no package of SDK v1 is ever installed, and Trainshed does not know this one. "
            "If your script needs packages that it brought, list them."
        )
    what = f"In place of {written} (SDK v1), these packages are installed: {', '.join(packages)}."
    if not packages:
        what = f"{written} (SDK v1) is left out."
    absent = rows[name][1]
    return f"{what} The module {absent} cannot be used in this run." if absent else what


def _rows() -> Dict[str, Tuple[List[str], str]]:
    """Return the table: package, or package with an extra → packages that it brought, and modules that are not here."""
    with open(_TABLE, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return {row[0]: (row[1].split(), row[2]) for row in rows}
