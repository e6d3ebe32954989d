"""Parsing of conda match specs, and conversion to pip's syntax."""

from __future__ import annotations

import re
from typing import NamedTuple

from trainshed.errors import EnvironmentBuildException

_CLAUSE = r"(?:==|=|>=|<=|!=|~=|<|>)?(?:\d+!)?[\d*][\w.*+-]*"
_SPEC = re.compile(
    r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*) ?"
    rf"(?:(?P<version>{_CLAUSE}(?:[,|]{_CLAUSE})*)(?:[ =](?P<build>[\w.*]+))?)?\Z",
    re.ASCII,
)
_PARTS = re.compile(r"([<>=!~]*)(.*)")


class CondaSpec(NamedTuple):
    """A parsed conda match spec.

    Attributes:
        text: the match spec, without unnecessary spaces.
        name: package name.
        version: version clauses, e.g. ``"=1.2"``, ``"==1.26.*"`` or ``">=1,<2"``; ``""`` for any version.
        build: build string, e.g. ``"py311_0"``; ``""`` for any build.
    """

    text: str
    name: str
    version: str
    build: str = ""


def conda_spec(text: str) -> CondaSpec:
    """Parse a conda match spec.

    Args:
        text: e.g. ``"scikit-learn=1.4"``, ``"conda-forge::numpy>=1.26"``, ``"numpy 1.26.*"``, ``"mkl=2024=h1_0"``.

    Raises:
        EnvironmentBuildException: the match spec is invalid.
    """
    plain = re.sub(r" ?([,|]) ?", r"\1", " ".join(text.split()))
    plain = re.sub(r" ?([<>=!~]+) ?", r"\1", plain)
    match = _SPEC.match(plain)
    if not match:
        raise EnvironmentBuildException(
            f"Invalid conda package {text!r}. Use a name and optionally a version, such as 'numpy', 'numpy=1.26' "
            "or 'numpy>=1.26,<3'."
        )
    version = match.group("version") or ""
    if version[:1].isdigit() or version[:1] == "*":
        version = "==" + version  # 'numpy 1.26.*'
    version = "" if version.lstrip("=") == "*" else version
    return CondaSpec(plain, match.group("name").lower(), version, match.group("build") or "")


def as_pep440(spec: CondaSpec) -> str:
    """Convert the version of a conda match spec to pip's syntax, without the build string.

    Args:
        spec: the match spec.

    Raises:
        EnvironmentBuildException: the version contains alternatives (``|``), which pip does not support.

    Example:
        >>> as_pep440(conda_spec("numpy=1.26")), as_pep440(conda_spec("numpy>=1,<2"))
        ('==1.26.*', '>=1,<2')
    """
    if "|" in spec.version:
        raise EnvironmentBuildException(f"Conda package '{spec.text}': only conda supports alternatives ('|').")
    clauses = (_clause(clause, exact=bool(spec.build)) for clause in spec.version.split(",") if clause)
    return ",".join(clause for clause in clauses if clause)


def _clause(clause: str, *, exact: bool) -> str:
    operator, number = _PARTS.match(clause).groups()  # type: ignore[union-attr]
    bare = re.sub(r"\.?\*\Z", "", number)
    if not bare:
        return ""
    if operator in ("", "=", "==", "!="):
        # In conda, a single '=' also matches patch releases, unless a build is specified.
        fuzzy = bare != number or (operator == "=" and not exact)
        return f"{operator if operator == '!=' else '=='}{bare}{'.*' if fuzzy else ''}"
    return operator + bare
