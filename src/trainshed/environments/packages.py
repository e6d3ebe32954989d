"""What users write in package lists, understood: pip's requirements and conda's match specs."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from trainshed.errors import EnvironmentBuildException

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?P<extras>\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(?P<rest>[(\s]*(?:[<>=!~]=?=?[\s\w.*+!-]+,?\s*)*\)?)\s*(?P<marker>;[\w\s.,'\"<>=!~()-]*)?\Z"
)
_SPEC = re.compile(r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?P<version>.*)\Z")
_OPTION = re.compile(
    r"(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host)(?:[=\s]+)(\S+)\Z|(--pre)\Z", re.ASCII
)
_LONG = {"-i": "--index-url", "-f": "--find-links"}
_PROTOCOLS = ("git+https://", "git+ssh://", "hg+https://", "svn+https://", "https://", "http://", "file://", "/")
# What SDK v1 had a script install of itself stands ready in every run; azureml-mlflow is a package like others.
_PROVIDED = re.compile(r"azureml-(?!mlflow\b)[a-z0-9-]+\Z")


class CondaSpec(NamedTuple):
    """One entry of a conda package list.

    Attributes:
        text: as written.
        name: the package.
        version: what follows the name, e.g. ``"=1.2"``, ``">=1,<2"``, ``"=1.2=py311_0"``; ``""`` for any.
    """

    text: str
    name: str
    version: str


class Lists(NamedTuple):
    """Package lists, sorted out.

    Attributes:
        conda: what conda must bring, without Python and pip themselves.
        pip: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        python: wanted version of Python, or None.
        provided: requirements that are met by Trainshed itself.
    """

    conda: Tuple[CondaSpec, ...]
    pip: Tuple[str, ...]
    options: Tuple[str, ...]
    python: Optional[str]
    provided: Tuple[str, ...]


def sort_out(conda: Sequence[str], pip: Sequence[str], options: Sequence[str], python: Optional[str]) -> Lists:
    """Read package lists as users write them.

    Args:
        conda: conda match specs; ``python=3.x`` among them asks for a version of Python.
        pip: PEP 508 requirements, URLs, and the index options that a requirements file may have.
        options: further index options.
        python: wanted version of Python.

    Raises:
        EnvironmentBuildException: an entry that cannot be understood or is not allowed.

    Example:
        >>> sort_out(["python=3.11", "numpy=1.26"], ["azureml-defaults"], [], None).provided
        ('azureml-defaults',)
    """
    specs = [conda_spec(text) for text in conda if text.strip()]
    pins = [spec.version for spec in specs if spec.name == "python" and spec.version]
    requirements: List[str] = []
    lines = list(options)
    provided: List[str] = []
    for text in pip:
        line = re.sub(r"(^|\s)#.*", "", text).strip()
        if line.startswith("-"):
            lines.append(line)
        elif line and _PROVIDED.match(_bare(line)):
            provided.append(line)
        elif line:
            requirements.append(_requirement(line))
    wanted = python or (
        re.split("=", pins[0].lstrip("="))[0] if pins and pins[0][0] == "=" else pins[0] if pins else None
    )
    return Lists(
        conda=tuple(spec for spec in specs if spec.name not in ("python", "pip") and not _is_provided(spec, provided)),
        pip=tuple(sorted(set(requirements))),
        options=tuple(_option(line) for line in lines),
        python=wanted,
        provided=tuple(provided),
    )


def _is_provided(spec: CondaSpec, provided: List[str]) -> bool:
    if _PROVIDED.match(spec.name):
        provided.append(spec.text)
        return True
    return False


def _bare(requirement: str) -> str:
    """Return the normalised name a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement, maxsplit=1)[0]).lower()


def _requirement(line: str) -> str:
    if "://" in line or "@" in line or line.startswith("/"):
        target = line.partition("@")[2].strip() if re.match(r"[\w.\[\],-]+\s*@", line) else line
        if not target.startswith(_PROTOCOLS):
            raise EnvironmentBuildException(
                f"Package '{line}' is asked for by a protocol that is not allowed; "
                "use https://, git+https://, git+ssh:// or the absolute path of a wheel."
            )
        return line
    if not _REQUIREMENT.match(line):
        raise EnvironmentBuildException(
            f"Package '{line}' cannot be understood: write a name and a version, such as 'numpy', 'numpy==1.26.4' "
            "or 'numpy>=1.26,<3'. (A line of a requirements file that names another file is not followed.)"
        )
    # conda's single '=' is a common slip in pip lists.
    return re.sub(r"(?<![<>=!~])=(?!=)\s*([\w.]+)(?=\s*(;|\Z))", r"==\1.*", line)


def _option(line: str) -> str:
    match = _OPTION.match(line.strip())
    if not match:
        raise EnvironmentBuildException(
            f"Package list option '{line.split(maxsplit=1)[0]}' is not supported here; there are --index-url, "
            "--extra-index-url, --find-links, --trusted-host and --pre. List packages by name."
        )
    return match.group(3) or f"{_LONG.get(match.group(1), match.group(1))} {match.group(2)}"


def conda_spec(text: str) -> CondaSpec:
    """Return one conda match spec, understood.

    Args:
        text: e.g. ``"scikit-learn=1.4"``, ``"conda-forge::numpy>=1.26"``, ``"numpy 1.26.*"``.

    Raises:
        EnvironmentBuildException: not a match spec.
    """
    match = _SPEC.match(text.strip())
    if not match or "[" in text or "\n" in text or text.strip().startswith("-"):
        raise EnvironmentBuildException(
            f"Conda package '{text}' cannot be understood: write a name and a version, such as 'numpy', 'numpy=1.26' "
            "or 'numpy>=1.26,<3'."
        )
    version = match.group("version").strip()
    if version and version[0] not in "<>=!~":
        version = "==" + version  # 'numpy 1.26.*'
    return CondaSpec(text.strip(), match.group("name").lower(), version.replace(" ", ""))


def as_pep440(spec: CondaSpec) -> str:
    """Return the version of a conda match spec as pip writes it.

    Args:
        spec: the match spec.

    Raises:
        EnvironmentBuildException: alternatives (``|``), which pip has none of.

    Example:
        >>> as_pep440(conda_spec("numpy=1.26")), as_pep440(conda_spec("numpy>=1,<2"))
        ('==1.26.*', '>=1,<2')
    """
    version = spec.version
    if "|" in version:
        raise EnvironmentBuildException(f"Conda package '{spec.text}': alternatives ('|') exist in conda only.")
    if version.startswith("=") and not version.startswith("=="):
        number, _, build = version[1:].partition("=")
        fuzzy = "" if build or number.endswith("*") else ".*"
        return f"=={number}{fuzzy}" if number not in ("", "*") else ""
    return re.sub(r"=\w+\Z", "", version) if re.match(r"==[\w.*]+=\w+\Z", version) else version
