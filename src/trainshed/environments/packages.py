"""Parsing of package lists into pip requirements, conda packages, index options and a Python version."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments.match_specs import CondaSpec, as_pep440, conda_spec
from trainshed.environments.sdk_packages import Replacement, normal_name, replacement
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
_HASHES = re.compile(r"(?: --hash[= ](?:md5|sha256|sha384|sha512|blake2b):[0-9a-fA-F]+)+\Z")
_SETUPTOOLS = "setuptools<81; python_version < '3.12'"
_LONG = {"-i": "--index-url", "-f": "--find-links"}
_PROTOCOLS = ("git+https://", "git+ssh://", "hg+https://", "svn+https://", "https://", "http://", "file://", "/")


class PackageLists(NamedTuple):
    """Parsed package lists.

    Attributes:
        conda: packages to install with conda, without Python and pip.
        pip: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        python: requested Python version, or None.
        notes: messages about packages of SDK v1, which are replaced.
        with_pip: what conda installs along with pip, as requirements. Old packages import its pkg_resources.
    """

    conda: Tuple[CondaSpec, ...]
    pip: Tuple[str, ...]
    options: Tuple[str, ...]
    python: Optional[str]
    notes: Tuple[str, ...]
    with_pip: Tuple[str, ...] = ()


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
        >>> sort_out(["python=3.11", "scipy=1.11"], ["numpy<2", "azureml-monitoring"], [], None).pip
        ('numpy', 'numpy<2', 'pandas', 'requests')
    """
    specs = [conda_spec(text) for text in conda if text.strip()]
    requirements: List[str] = []
    lines = list(options)
    replaced: List[Replacement] = []
    others: List[CondaSpec] = []
    for text in pip:
        line = re.sub(r"(^|\s)#.*", "", text.replace("\t", " ")).strip()
        instead = replacement(line)
        if line.startswith("-"):
            lines.append(line)
        elif instead:
            replaced.append(instead)
        elif line:
            requirements.append(_requirement(line))
    for spec in specs:
        instead = replacement(spec.name)
        if instead:
            replaced.append(instead)
        elif spec.name not in ("python", "pip"):
            others.append(spec)
    requirements += [each for one in replaced for each in one.packages]
    return PackageLists(
        conda=tuple(others),
        pip=tuple(sorted(set(requirements))),
        options=tuple(_option(line) for line in lines),
        python=_python([python or "", *(spec.version for spec in specs if spec.name == "python")]),
        notes=tuple(dict.fromkeys(one.note for one in replaced)),
        with_pip=(_SETUPTOOLS,) if any(spec.name == "pip" for spec in specs) else (),
    )


def normal(requirement: str) -> str:
    """Return the normalized form of a requirement, for use in cache keys.

    Example:
        >>> normal("NumPy >= 1.2, <2"), normal("numpy>=1.2,<2")
        ('numpy<2,>=1.2', 'numpy<2,>=1.2')
    """
    plain, hashes = _hashed(requirement)
    match = _REQUIREMENT.match(plain)
    if not match:
        return requirement
    extras = ",".join(sorted((match.group("extras") or "").lower().replace(" ", "").strip("[]").split(",")))
    versions = ",".join(sorted(re.sub(r"[ ()]", "", match.group("versions") or "").strip(",").split(",")))
    marker = (match.group("marker") or "").strip()
    return f"{normal_name(requirement)}{f'[{extras}]' if extras else ''}{versions}{marker}{hashes}"


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


def _hashed(line: str) -> Tuple[str, str]:
    """Split a line of a requirements file into requirement and hashes, which are sorted."""
    plain, *rest = re.split(r" +(?=--hash\b)", line)
    return plain.rstrip(), "".join(f" {each.strip()}" for each in sorted(rest))


def _requirement(line: str) -> str:
    plain, hashes = _hashed(line)
    if hashes and not _HASHES.match(hashes):
        raise EnvironmentBuildException(
            f"Invalid hash of package '{masked(plain)}'. A hash has the form --hash=sha256:0123456789abcdef..."
        )
    return _plain_requirement(plain) + hashes


def _plain_requirement(line: str) -> str:
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
