"""Which release of a framework a run gets: v1's, where it installs on the run's Python, else the nearest that does.

v1 pinned releases of 2018 to 2020 for Python 3.6; on a Python that is still alive hardly one of them installs. What
is taken instead is said in the run's log and in its details. ``framework_version`` may also name any later release, and
then it is that very one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from trainshed.errors import TrainingException


class Framework(NamedTuple):
    """A framework as v1 had it.

    Attributes:
        package: its name on PyPI.
        v1: the versions that v1 supported.
        default: v1's default.
        oldest: Python → the oldest release that installs on it and works, and what that needs besides.
        pythons: the Pythons that these rows are for.
        beside: packages that come along, as v1 had them; the solver chooses what fits.
        also: other names, under which users may ask for it themselves.
        caution: what a script of v1's days should know.
    """

    package: str
    v1: tuple[str, ...]
    default: str
    oldest: dict[str, tuple[str, ...]]
    pythons: str
    beside: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    caution: str = ""


# Looked up on PyPI: the oldest release with a wheel for the Python, and for torch with a torchvision that has one, too.
FRAMEWORKS = {
    "PyTorch": Framework(
        "torch",
        ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"),
        "1.4",
        {
            "3.8": ("1.4", "numpy<1.24"),
            "3.9": ("1.7", "numpy<1.24"),
            "3.10": ("1.11", "numpy<2"),
            "3.11": ("2.0", "numpy<2"),
            "3.12": ("2.2", "numpy<2"),
            "3.13": ("2.6",),
            "3.14": ("2.9",),
        },
        "<3.15",
        ("torchvision", "tensorboard"),
        ("pytorch",),
    ),
    "TensorFlow": Framework(
        "tensorflow",
        ("1.10", "1.12", "1.13", "2.0", "2.1", "2.2", "2.3"),
        "1.13",
        {
            "3.8": ("2.2", "numpy<1.24", "protobuf<3.21"),
            "3.9": ("2.5", "numpy<1.24", "protobuf<3.21"),
            "3.10": ("2.8", "numpy<1.24", "protobuf<3.21"),
            "3.11": ("2.12",),
            "3.12": ("2.16",),
            "3.13": ("2.20",),
        },
        "<3.14",
        caution="In TensorFlow 2, the names of TensorFlow 1 are in tensorflow.compat.v1.",
    ),
    "Chainer": Framework(
        "chainer",
        ("5.1.0", "7.0.0"),
        "5.1.0",
        {"3.8": ("7.8", "numpy<1.24", "setuptools<65")},
        "<3.12",
    ),
    "SKLearn": Framework(
        "scikit-learn",
        ("0.20.3",),
        "0.20.3",
        {
            "3.8": ("0.22", "numpy<1.24"),
            "3.9": ("0.24", "numpy<1.24"),
            "3.10": ("1.0", "numpy<2"),
            "3.11": ("1.1", "numpy<2"),
            "3.12": ("1.3", "numpy<2"),
            "3.13": ("1.5",),
            "3.14": ("1.7",),
        },
        "<3.15",
        also=("sklearn",),
        caution="sklearn.externals.joblib works with TRAINSHED_LEGACY=1.",
    ),
}


class Choice(NamedTuple):
    """What a framework's estimator installs.

    Attributes:
        version: the version asked for, or v1's default.
        requirements: for pip.
        pythons: which Pythons they are for; "" for any.
        note: what the user must know; "" where they get what they asked for.
    """

    version: str
    requirements: tuple[str, ...]
    pythons: str
    note: str


def supported(name: str) -> list[str]:
    """Return the versions that v1 supported, and those that stand for them on the Pythons of today.

    Args:
        name: a name in :data:`FRAMEWORKS`.

    Example:
        >>> supported("Chainer")
        ['5.1.0', '7.0.0', '7.8']
    """
    framework = FRAMEWORKS[name]
    now = dict.fromkeys(row[0] for row in framework.oldest.values())
    return [*framework.v1, *(version for version in now if version not in framework.v1)]


def choose(name: str, version: str | None) -> Choice:
    """Return what to install for a version of a framework.

    Args:
        name: a name in :data:`FRAMEWORKS`.
        version: e.g. ``"1.4"``: the nearest release that installs; or a release that does; None: v1's default.

    Raises:
        TrainingException: neither.

    Example:
        >>> choose("PyTorch", "2.13.0").requirements[0]
        'torch==2.13.0'
    """
    framework = FRAMEWORKS[name]
    asked = version or framework.default
    least = min((row[0] for row in framework.oldest.values()), key=_number)
    if not re.fullmatch(r"\d+(\.\d+){1,2}", asked) or (asked not in framework.v1 and _number(asked) < _number(least)):
        raise TrainingException(
            f"{name}: framework_version {asked!r} is not supported. Available: {', '.join(supported(name))}, "
            "or any later release."
        )
    rows = [(python, max(asked, row[0], key=_number), row[1:]) for python, row in framework.oldest.items()]
    if all(chosen == asked for _, chosen, _ in rows):
        return Choice(asked, (_pinned(framework, asked), *framework.beside), "", "")
    requirements = []
    for place, (python, chosen, needs) in enumerate(rows):
        marker = _marker(python, rows[place + 1][0] if place + 1 < len(rows) else None)
        # What an oldest release needs besides is not said of a later one.
        more = needs if chosen == framework.oldest[python][0] else ()
        requirements += [f"{each}; {marker}" for each in (_pinned(framework, chosen), *more)]
    return Choice(
        asked, (*requirements, *framework.beside), framework.pythons, _note(name, asked, version is None, rows)
    )


def _note(name: str, asked: str, default: bool, rows: list[tuple[str, str, tuple[str, ...]]]) -> str:
    taken = ", ".join(f"{chosen} on Python {python}" for python, chosen, _ in rows if chosen != asked)
    what = f"No framework_version was given, and v1's default {asked}" if default else f"{name} {asked}"
    caution = f" {FRAMEWORKS[name].caution}" if FRAMEWORKS[name].caution else ""
    return (
        f"{name}: {what} cannot be installed on every Python; if it cannot, the nearest release that can is used "
        f"({taken} or newer). Choose another with framework_version or pip_packages.{caution}"
    )


def _pinned(framework: Framework, version: str) -> str:
    return f"{framework.package}=={version}" + ("" if version.count(".") > 1 else ".*")


def _marker(python: str, following: str | None) -> str:
    if following is None:
        return f"python_version >= '{python}'"
    return f"python_version >= '{python}' and python_version < '{following}'"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
