"""Reading of pip requirements files and conda environment files."""

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
    """Read a pip requirements file and the files it includes with ``-r``.

    Args:
        path: path of the file.
        depth: number of levels of inclusion above this file.

    Returns:
        List of requirements, and list of options such as ``"--extra-index-url URL"``.

    Raises:
        UserErrorException: the file cannot be read, or a line is not supported. The message includes the line.
    """
    packages: list[str] = []
    options: list[str] = []
    for number, line in _lines(path):
        name, _, value = line.replace("=", " ", 1).partition(" ") if line.startswith("--") else line.partition(" ")
        name, value = _SHORT.get(name, name), value.strip()
        if name in ("-r", "--requirement") and depth < _DEPTH:
            included = read_requirements(os.path.join(os.path.dirname(path), value), depth + 1)
            packages += included[0]
            options += included[1]
        elif name in OPTIONS:
            options.append(f"{name} {value}".strip())
        elif line.startswith("-"):
            raise UserErrorException(
                f"{path}, line {number}: {line!r} is not supported. Use packages, -r FILE, or {', '.join(OPTIONS)}."
            )
        else:
            packages.append(line)
    return packages, options


def _lines(path: str) -> list[tuple[int, str]]:
    """Return the non-empty lines with their numbers, without comments and with continuation lines joined."""
    import re  # takes 5 ms, which submits without packages save

    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserErrorException(f"The requirements file '{path}' cannot be read: {_reason(error)}.") from error
    lines, partial = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        joined = partial + line
        if joined.endswith("\\"):
            partial = joined[:-1]
            continue
        partial = ""
        stripped = re.sub(_COMMENT, "", joined).strip()
        if stripped:
            lines.append((number, stripped))
    return lines


def check_requirement(line: Any) -> str:
    """Return a pip requirement after basic validation. It is validated fully when the environment is built.

    Args:
        line: e.g. ``"numpy<3"``, ``"name @ https://…"``, or a URL.

    Raises:
        UserErrorException: the value is not a string, is empty, has several lines or words, or uses conda's
            single ``=``.

    Example:
        >>> check_requirement("numpy<3")
        'numpy<3'
    """
    import re

    if not isinstance(line, str) or not line.strip() or not line.isprintable() or re.match(_WORDS, line.strip()):
        raise UserErrorException(f"{line!r} is not a valid pip requirement; use e.g. 'numpy<3'.")
    single_equals = re.match(_ONE_EQUALS, line)
    if single_equals:
        name, version = single_equals.groups()
        raise UserErrorException(
            f"{line!r} is in conda's syntax; for pip, write '{name}=={version}', "
            f"or '{name}=={version}.*' for any release of {version}."
        )
    return line


def read_conda_file(path: str) -> dict[str, Any]:
    """Read a conda environment file.

    Raises:
        UserErrorException: the file cannot be read, or is not a conda environment file.
    """
    return check_conda(read_yaml(path, "conda file"), f"The conda file '{path}'")


def read_yaml(path: str, what: str) -> Any:
    """Parse a YAML file.

    Args:
        path: path of the file.
        what: kind of file, for error messages.

    Raises:
        UserErrorException: the file cannot be read, or is not valid YAML.
    """
    import yaml  # takes 15 ms, so imported only when needed

    try:
        with open(path, encoding="utf-8-sig") as file:
            return yaml.safe_load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserErrorException(f"The {what} '{path}' cannot be read: {_reason(error)}.") from error
    except yaml.YAMLError as error:
        raise UserErrorException(f"The {what} '{path}' is not valid YAML: {error}") from error


def check_conda(content: Any, what: str) -> dict[str, Any]:
    """Validate and normalize the parsed content of a conda environment file.

    Args:
        content: parsed content.
        what: name of the file, for error messages.

    Raises:
        UserErrorException: the content does not have the structure of a conda environment file.

    Example:
        >>> check_conda({"dependencies": ["python=3.11", {"pip": ["numpy"]}]}, "conda file")["channels"]
        []
    """
    if not isinstance(content, dict):
        raise UserErrorException(f"{what} must be a mapping with 'dependencies'.")
    for key in ("dependencies", "channels"):
        if not isinstance(content.get(key) or [], list):
            raise UserErrorException(f"{what}: '{key}' must be a list.")
    for item in content.get("dependencies") or []:
        pip = isinstance(item, dict) and list(item) == ["pip"] and isinstance(item["pip"], list)
        if not isinstance(item, str) and not (pip and all(isinstance(line, str) for line in item["pip"])):
            raise UserErrorException(f"{what}: dependency {item!r} is neither a package nor a 'pip:' list of packages.")
    return {
        **content,
        "dependencies": list(content.get("dependencies") or []),
        "channels": list(content.get("channels") or []),
    }


def exported(conda_environment: str) -> bytes | None:
    """Return a conda environment of this machine as a conda environment file, or None if it does not exist.

    Args:
        conda_environment: name of the environment.
    """
    import shutil
    import subprocess

    conda = shutil.which("conda") or shutil.which("mamba") or shutil.which("micromamba")
    if conda is None:
        return None
    argv = [conda, "env", "export", "--name", conda_environment, "--no-builds"]
    done = subprocess.run(argv, capture_output=True, check=False)
    return None if done.returncode else done.stdout


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
