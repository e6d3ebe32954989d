"""Files that list packages: pip's requirements, conda's YAML."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING, UserErrorException

if TYPE_CHECKING:
    from typing import Any

OPTIONS = ("--index-url", "--extra-index-url", "--find-links", "--trusted-host", "--pre")
_SHORT = {"-i": "--index-url", "-f": "--find-links"}
_COMMENT = r"(^|\s)#.*$"
_DEPTH = 10
_WORDS = r"[\w.-]+\s+\w"
_ONE_EQUALS = r"\s*([\w.-]+(?:\[[^\]]*\])?)\s*=\s*([\w.*+!-]+)\s*\Z"


def read_requirements(path: str, depth: int = 0) -> tuple[list[str], list[str]]:
    """Read a pip requirements file.

    Args:
        path: the file; files that it includes with ``-r`` are read too, relative to it.
        depth: how many files have included this one.

    Returns:
        The requirements, and the options, each as one string such as ``"--extra-index-url URL"``.

    Raises:
        UserErrorException: no such file, or a line that has no meaning here; it is named.
    """
    packages: list[str] = []
    options: list[str] = []
    for number, line in _lines(path):
        name, _, value = line.replace("=", " ", 1).partition(" ") if line.startswith("--") else line.partition(" ")
        name, value = _SHORT.get(name, name), value.strip()
        if name in ("-r", "--requirement") and depth < _DEPTH:
            more = read_requirements(os.path.join(os.path.dirname(path), value), depth + 1)
            packages += more[0]
            options += more[1]
        elif name in OPTIONS:
            options.append(f"{name} {value}".strip())
        elif line.startswith("-") or " --hash" in line:
            raise UserErrorException(
                f"{path}, line {number}: {line!r} cannot be used here. Use packages, -r FILE, or {', '.join(OPTIONS)}."
            )
        else:
            packages.append(line)
    return packages, options


def _lines(path: str) -> list[tuple[int, str]]:
    """Return the lines that say something, continued ones joined, with their numbers."""
    import re  # as in the other functions: 5 ms that a submit without packages does not pay

    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserErrorException(f"The requirements file '{path}' cannot be read: {_reason(error)}.") from error
    found, begun = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        whole = begun + line
        if whole.endswith("\\"):
            begun = whole[:-1]
            continue
        begun = ""
        said = re.sub(_COMMENT, "", whole).strip()
        if said:
            found.append((number, said))
    return found


def check_requirement(line: Any) -> str:
    """Return a pip requirement if it looks like one; a node reads it more closely.

    Args:
        line: e.g. ``"numpy<3"``, ``"name @ https://…"``, or a URL.

    Raises:
        UserErrorException: no text, several lines, words that do not belong together, or conda's single ``=``.

    Example:
        >>> check_requirement("numpy<3")
        'numpy<3'
    """
    import re

    if not isinstance(line, str) or not line.strip() or not line.isprintable() or re.match(_WORDS, line.strip()):
        raise UserErrorException(f"{line!r} is not a requirement of one package; use e.g. 'numpy<3'.")
    slip = re.match(_ONE_EQUALS, line)
    if slip:
        name, version = slip.groups()
        raise UserErrorException(
            f"{line!r} is in conda's syntax; for pip, write '{name}=={version}', "
            f"or '{name}=={version}.*' for any release of {version}."
        )
    return line


def read_conda_file(path: str) -> dict[str, Any]:
    """Return what a conda environment file says.

    Raises:
        UserErrorException: it cannot be read, or says something else.
    """
    return check_conda(read_yaml(path, "conda file"), f"The conda file '{path}'")


def read_yaml(path: str, what: str) -> Any:
    """Return what a YAML file says.

    Args:
        path: the file.
        what: how an error calls it.

    Raises:
        UserErrorException: it cannot be read, or is no YAML.
    """
    import yaml  # 15 ms that only those who bring a file wait for

    try:
        with open(path, encoding="utf-8-sig") as file:
            return yaml.safe_load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserErrorException(f"The {what} '{path}' cannot be read: {_reason(error)}.") from error
    except yaml.YAMLError as error:
        raise UserErrorException(f"The {what} '{path}' is not valid YAML: {error}") from error


def check_conda(said: Any, what: str) -> dict[str, Any]:
    """Return the content of a conda environment file if it has the right shape.

    Raises:
        UserErrorException: another shape.

    Example:
        >>> check_conda({"dependencies": ["python=3.11", {"pip": ["numpy"]}]}, "conda file")["channels"]
        []
    """
    if not isinstance(said, dict):
        raise UserErrorException(f"{what} must be a mapping with 'dependencies'.")
    for key in ("dependencies", "channels"):
        if not isinstance(said.get(key) or [], list):
            raise UserErrorException(f"{what}: '{key}' must be a list.")
    for item in said.get("dependencies") or []:
        pip = isinstance(item, dict) and list(item) == ["pip"] and isinstance(item["pip"], list)
        if not isinstance(item, str) and not (pip and all(isinstance(line, str) for line in item["pip"])):
            raise UserErrorException(f"{what}: dependency {item!r} is neither a package nor a 'pip:' list of packages.")
    return {**said, "dependencies": list(said.get("dependencies") or []), "channels": list(said.get("channels") or [])}


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
