"""Choice of another Python for packages that the node's own Python cannot take, such as versions from 2020."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from trainshed.environments import interpreters, uv
from trainshed.environments.commands import BuildContext
from trainshed.environments.interpreters import Interpreter
from trainshed.errors import EnvironmentBuildException

_UNBUILT = re.compile(r"[Ff]ailed to (?:download and )?build `([\w.-]+)(.*?)`", re.ASCII)
_OTHER_PYTHON = re.compile(r"Python version|Python ABI tag|Python>=|Python<|no usable wheels")
# The oldest Python in which scripts can use all of Trainshed, and the oldest one that uv can download.
_OLDEST, _OLDEST_DOWNLOAD = 6, 8
OLDER_SPEC = f"python>=3.{_OLDEST},<3.{interpreters.own().version[1]}"
"""conda's spec of any older Python."""
# Old packages do not say which releases of other packages are too new for them. These are the last ones before the
# release that removed what packages of 2018 to 2021 used, such as numpy.float, DataFrame.append and jinja2.Markup.
_COMPANIONS = ("h5py<3", "itsdangerous<2.1", "jinja2<3.1", "markupsafe<2.1", "numpy<1.24", "pandas<2",
               "protobuf<3.21", "werkzeug<2.1")  # fmt: skip


class Fit(NamedTuple):
    """A Python that can take the packages.

    Attributes:
        base: the interpreter.
        limits: how the packages are selected with it.
    """

    base: Interpreter
    limits: uv.Limits


def is_to_blame(error: EnvironmentBuildException) -> bool:
    """Return whether the packages might be installed with another Python.

    Args:
        error: what :func:`trainshed.environments.uv.install` raised.
    """
    return bool(_unbuilt(error) or _OTHER_PYTHON.search(_said(error)))


def note(package: str, version: str) -> str:
    """Return the message about a Python that was taken in place of the node's own.

    Args:
        package: package that could not be installed, or ``""``.
        version: version of the Python that was taken.
    """
    why = f"{package or 'A requested version of a package'} cannot be installed on Python {interpreters.own().text}"
    return f"{why}, so Python {version} is used. To choose a Python yourself, name it in the environment."


def culprit(error: EnvironmentBuildException) -> str:
    """Return the package that could not be built, e.g. ``"scikit-learn==0.22.1"``, or ``""``.

    Args:
        error: what :func:`trainshed.environments.uv.install` raised.
    """
    found = _UNBUILT.search(_said(error))
    return f"{found.group(1)}{found.group(2)}" if found else ""


def choose(
    requirements: Sequence[str],
    options: Sequence[str],
    error: EnvironmentBuildException,
    home: Path,
    context: BuildContext,
) -> Optional[Fit]:
    """Return the Python nearest to the node's own that can take all packages, or None.

    Older ones come first, and those on the node come before those that uv can download. Nothing is installed with the
    others: uv only resolves the packages, of which those that it could not build must have wheels.

    Args:
        requirements: PEP 508 requirements.
        options: index options, as lines of a requirements file.
        error: why the node's own Python cannot take them.
        home: Trainshed's home on this node.
        context: context of the build.
    """
    unbuilt = _unbuilt(error)
    here = _others(home)
    fetched = [] if uv.downloads_are_off() else [minor for minor in _minors(_OLDEST_DOWNLOAD) if minor not in here]
    for minor in [*sorted(here, key=_distance), *fetched]:
        python = here[minor].path if minor in here else f"3.{minor}"
        for companions in (_COMPANIONS, ()):
            limits = uv.Limits(tuple(unbuilt), companions)
            failed = _trial(python, home, requirements, options, context, limits)
            base = None if failed else here.get(minor) or _downloaded(python, home, context)
            if base:
                return Fit(base, limits)
            unbuilt += [name for name in (_unbuilt(failed) if failed else ()) if name not in unbuilt]
            if not any(limit in _said(failed) for limit in companions if failed):
                break
        context.say(f"Python {here[minor].text if minor in here else python} cannot take them, either.")
    return None


def _trial(
    python: str,
    home: Path,
    requirements: Sequence[str],
    options: Sequence[str],
    context: BuildContext,
    limits: uv.Limits,
) -> Optional[EnvironmentBuildException]:
    # What uv says about Pythons that are not used would be misunderstood.
    silent = context._replace(log=io.BytesIO())
    with tempfile.TemporaryDirectory(dir=home) as folder:
        return uv.unresolved(python, Path(folder), requirements, options, silent, limits)


def _others(home: Path) -> Dict[int, Interpreter]:
    """Return the newest interpreter of each other minor version on this node."""
    own = interpreters.own().version
    known = [one for one in interpreters.everything(home) if one.version[0] == own[0] and one.version[1] >= _OLDEST]
    found = {one.version[1]: one for one in sorted(known, key=lambda one: one.version)}
    found.pop(own[1], None)
    return found


def _minors(oldest: int) -> List[int]:
    return list(range(interpreters.own().version[1] - 1, oldest - 1, -1))


def _distance(minor: int) -> Tuple[bool, int]:
    own = interpreters.own().version[1]
    return minor > own, abs(own - minor)


def _downloaded(version: str, home: Path, context: BuildContext) -> Optional[Interpreter]:
    return interpreters.find(version, home) if uv.download_python(version, context) else None


def _unbuilt(error: EnvironmentBuildException) -> List[str]:
    return list(dict.fromkeys(name for name, _ in _UNBUILT.findall(_said(error))))


def _said(error: EnvironmentBuildException) -> str:
    return "\n".join([error.message, *error.details.get("last_lines", ())])
