"""Parsing of package lists into pip requirements, conda packages, index options and a Python version."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments.match_specs import CondaSpec, as_pep440, conda_spec
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.secrets import masked

_NAME = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?) ?(?P<extras>\[[A-Za-z0-9._, -]*\])?"
_CLAUSE = r"(?:===?|~=|!=|<=?|>=?) ?(?:\d+!)?[\w.*+-]+"
_MARKER = r"(?P<marker> ?;[\w .,'\"<>=!~()-]*)?"
# No repetition can begin with the characters it ends with, so that matching is never slow.
_REQUIREMENT = re.compile(rf"{_NAME} ?(?P<versions>\(?{_CLAUSE}(?: ?, ?{_CLAUSE})*,?\)?)?{_MARKER}\Z")
_LOCATED = re.compile(rf"(?:{_NAME} ?@ ?)?(?P<place>[^\s;]+){_MARKER}\Z")
_OPTION = re.compile(
    r"(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host)(?:[= ])(\S+)\Z|(--pre)\Z", re.ASCII
)
_LONG = {"-i": "--index-url", "-f": "--find-links"}
_PROTOCOLS = ("git+https://", "git+ssh://", "hg+https://", "svn+https://", "https://", "http://", "file://", "/")
# Every run provides the SDK v1 packages for scripts, except for azureml-mlflow, which is installed normally.
_PROVIDED = re.compile(r"azureml-(?!mlflow\Z)[a-z0-9-]+\Z")


class PackageLists(NamedTuple):
    """Parsed package lists.

    Attributes:
        conda: packages to install with conda, without Python and pip.
        pip: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        python: requested Python version, or None.
        provided: requirements that Trainshed provides itself.
    """

    conda: Tuple[CondaSpec, ...]
    pip: Tuple[str, ...]
    options: Tuple[str, ...]
    python: Optional[str]
    provided: Tuple[str, ...]


def sort_out(conda: Sequence[str], pip: Sequence[str], options: Sequence[str], python: Optional[str]) -> PackageLists:
    """Parse the user's package lists.

    Args:
        conda: conda match specs, which may include ``python=3.x``.
        pip: PEP 508 requirements, URLs, and index options.
        options: further index options.
        python: requested Python version.

    Raises:
        EnvironmentBuildException: an entry is invalid or not supported.

    Example:
        >>> sort_out(["python=3.11", "numpy=1.26"], ["azureml-defaults"], [], None).provided
        ('azureml-defaults',)
    """
    specs = [conda_spec(text) for text in conda if text.strip()]
    requirements: List[str] = []
    lines = list(options)
    provided: List[str] = []
    for text in pip:
        line = re.sub(r"(^|\s)#.*", "", text.replace("\t", " ")).strip()
        if line.startswith("-"):
            lines.append(line)
        elif line and _PROVIDED.match(normal_name(line)):
            provided.append(line)
        elif line:
            requirements.append(_requirement(line))
    provided += [spec.text for spec in specs if _PROVIDED.match(spec.name)]
    others = (spec for spec in specs if spec.name not in ("python", "pip") and not _PROVIDED.match(spec.name))
    return PackageLists(
        conda=tuple(others),
        pip=tuple(sorted(set(requirements))),
        options=tuple(_option(line) for line in lines),
        python=_python([python or "", *(spec.version for spec in specs if spec.name == "python")]),
        provided=tuple(provided),
    )


def normal_name(requirement: str) -> str:
    """Return the normalized name of a requirement, e.g. ``"scikit-learn"`` for ``"Scikit_Learn>=1"``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement, maxsplit=1)[0]).lower()


def normal(requirement: str) -> str:
    """Return the normalized form of a requirement, for use in cache keys.

    Example:
        >>> normal("NumPy >= 1.2, <2"), normal("numpy>=1.2,<2")
        ('numpy<2,>=1.2', 'numpy<2,>=1.2')
    """
    match = _REQUIREMENT.match(requirement)
    if not match:
        return requirement
    extras = ",".join(sorted((match.group("extras") or "").lower().replace(" ", "").strip("[]").split(",")))
    versions = ",".join(sorted(re.sub(r"[ ()]", "", match.group("versions") or "").strip(",").split(",")))
    marker = (match.group("marker") or "").strip()
    return f"{normal_name(requirement)}{f'[{extras}]' if extras else ''}{versions}{marker}"


def _python(requests: Sequence[str]) -> Optional[str]:
    """Return the Python version that satisfies all requests."""
    plain: List[str] = []
    ranges: List[str] = []
    for request in requests:
        exact = re.match(r"={0,3}\s*([\d.]+?)(?:\.?\*)?\Z", request.strip())
        (plain if exact else ranges).append(exact.group(1) if exact else request.strip())
    plain.sort(key=len)
    for short in plain[:-1]:
        if not f"{plain[-1]}.".startswith(f"{short}."):
            raise EnvironmentBuildException(
                f"Two versions of Python are requested, {short} and {plain[-1]}. Remove one of them."
            )
    return ",".join(dict.fromkeys(filter(None, [*plain[-1:], *ranges]))) or None


def _requirement(line: str) -> str:
    if not line.isprintable():
        # A line break would start a new line in the requirements file, possibly with an option.
        raise EnvironmentBuildException(f"Package {masked(line)!r} has more than one line. List packages one by one.")
    if "://" in line or "@" in line or line.startswith("/"):
        located = _LOCATED.match(line)
        if not located or not located.group("place").startswith(_PROTOCOLS):
            raise EnvironmentBuildException(
                f"Package '{masked(line)}' uses a protocol that is not allowed; "
                "use https://, git+https://, git+ssh:// or the absolute path of a wheel."
            )
        return line
    line = " ".join(line.split())
    if _REQUIREMENT.match(line):
        return line
    try:
        spec = conda_spec(line)  # using conda's syntax in pip lists is a common mistake
    except EnvironmentBuildException:
        raise EnvironmentBuildException(
            f"Invalid package '{line}'. Use a name and optionally a version, such as 'numpy', 'numpy==1.26.4' "
            "or 'numpy>=1.26,<3'. (References to other requirements files are not supported.)"
        ) from None
    return spec.name + as_pep440(spec)


def _option(line: str) -> str:
    match = _OPTION.match(" ".join(line.split()))
    if not match:
        raise EnvironmentBuildException(
            f"Package list option '{re.split('[= ]', line.strip())[0]}' is not supported. Available: --index-url, "
            "--extra-index-url, --find-links, --trusted-host, --pre. List packages by name."
        )
    return match.group(3) or f"{_LONG.get(match.group(1), match.group(1))} {match.group(2)}"
