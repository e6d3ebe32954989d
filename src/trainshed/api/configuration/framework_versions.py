"""Framework versions for the framework estimators.

SDK v1 pinned framework releases from 2018 to 2020 for Python 3.6. Few of them can be installed on supported Python
versions, so each one is replaced by the oldest release that can. The run's log and details show which release is
used. If ``framework_version`` is a later release, exactly that release is installed.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from trainshed.errors import TrainingException


class Framework(NamedTuple):
    """A framework with its versions.

    Attributes:
        package: name on PyPI.
        v1: versions supported by SDK v1.
        default: SDK v1's default version.
        oldest: Python version → oldest release that works on it, followed by additional requirements.
        pythons: version specifier of the supported Python versions.
        beside: additional packages installed with the framework, as in SDK v1, in the latest compatible versions.
        also: other package names under which users may request the framework.
        pinned: packages whose releases belong to releases of the framework. An exact version of one of them becomes a
            minimum if the framework's version is replaced.
        caution: compatibility hint for old scripts.
    """

    package: str
    v1: tuple[str, ...]
    default: str
    oldest: dict[str, tuple[str, ...]]
    pythons: str
    beside: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    caution: str = ""


# The oldest release with a wheel on PyPI for each Python version; for torch, torchvision must have a wheel, too.
FRAMEWORKS = {
    "PyTorch": Framework(
        "torch",
        ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"),
        "1.4",
        {
            "3.6": ("1.0",),
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
        ("numpy", "tensorboard", "torchaudio", "torchtext", "torchvision"),
    ),
    "TensorFlow": Framework(
        "tensorflow",
        ("1.10", "1.12", "1.13", "2.0", "2.1", "2.2", "2.3"),
        "1.13",
        {
            "3.6": ("1.10", "protobuf<3.21"),
            "3.8": ("2.2", "numpy<1.24", "protobuf<3.21"),
            "3.9": ("2.5", "numpy<1.24", "protobuf<3.21"),
            "3.10": ("2.8", "numpy<1.24", "protobuf<3.21"),
            "3.11": ("2.12",),
            "3.12": ("2.16",),
            "3.13": ("2.20",),
        },
        "<3.14",
        pinned=("h5py", "keras", "numpy", "protobuf", "tensorboard", "tensorflow-estimator"),
        caution="In TensorFlow 2, the names of TensorFlow 1 are in tensorflow.compat.v1.",
    ),
    "Chainer": Framework(
        "chainer",
        ("5.1.0", "7.0.0"),
        "5.1.0",
        {"3.6": ("5.1.0",), "3.8": ("7.8", "numpy<1.24", "setuptools<65")},
        "<3.12",
        pinned=("numpy",),
    ),
    "SKLearn": Framework(
        "scikit-learn",
        ("0.20.3",),
        "0.20.3",
        {
            "3.6": ("0.20.3",),
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
        pinned=("joblib", "numpy", "scipy"),
        caution="sklearn.externals.joblib works with TRAINSHED_LEGACY=1.",
    ),
}


class Choice(NamedTuple):
    """Packages to install for a framework version.

    Attributes:
        version: requested version, or SDK v1's default.
        requirements: pip requirements.
        pythons: version specifier of the supported Python versions, or "" for any.
    """

    version: str
    requirements: tuple[str, ...]
    pythons: str


def supported(name: str) -> list[str]:
    """Return the versions supported by SDK v1, and the versions that replace them on current Python versions.

    Args:
        name: key in :data:`FRAMEWORKS`.

    Example:
        >>> supported("Chainer")
        ['5.1.0', '7.0.0', '7.8']
    """
    framework = FRAMEWORKS[name]
    replacements = dict.fromkeys(row[0] for row in framework.oldest.values())
    return [*framework.v1, *(version for version in replacements if version not in framework.v1)]


def choose(name: str, version: str | None) -> Choice:
    """Return the packages to install for a version of a framework.

    Args:
        name: key in :data:`FRAMEWORKS`.
        version: a version supported by SDK v1, e.g. ``"1.4"``, or any later release. Default: SDK v1's default.

    Raises:
        TrainingException: the version is not supported.

    Example:
        >>> choose("PyTorch", "2.13.0").requirements[0]
        'torch==2.13.0'
    """
    framework = FRAMEWORKS[name]
    requested = version or framework.default
    least = min((row[0] for row in framework.oldest.values()), key=number_of)
    if not re.fullmatch(r"\d+(\.\d+){1,2}", requested) or (
        requested not in framework.v1 and number_of(requested) < number_of(least)
    ):
        raise TrainingException(
            f"{name}: framework_version {requested!r} is not supported. Available: {', '.join(supported(name))}, "
            "or any later release."
        )
    rows = _rows(framework, requested)
    if all(chosen == requested for _, chosen, _ in rows):
        return Choice(requested, (_pinned(framework, requested), *framework.beside), "")
    requirements = []
    for index, (python, chosen, additional) in enumerate(rows):
        marker = _marker(python, rows[index + 1][0] if index + 1 < len(rows) else None)
        # The additional requirements apply only to the oldest releases.
        more = additional if chosen == framework.oldest[python][0] or chosen in framework.v1 else ()
        requirements += [f"{each}; {marker}" for each in (_pinned(framework, chosen), *more)]
    return Choice(requested, (*requirements, *framework.beside), framework.pythons)


def loosened(name: str, package: str) -> str:
    """Return a package without the exact version that belongs to a release of a framework, else the package itself.

    Args:
        name: key in :data:`FRAMEWORKS`.
        package: pip requirement or conda spec.

    Example:
        >>> loosened("SKLearn", "joblib==0.13.2"), loosened("SKLearn", "pandas==0.25.3")
        ('joblib>=0.13.2', 'pandas==0.25.3')
    """
    exact = re.fullmatch(r"\s*([\w.-]+?)\s*={1,3}\s*(\d+(?:\.\d+)*)(?:\.\*)?\s*", package)
    if not exact or exact[1].lower().replace("_", "-") not in FRAMEWORKS[name].pinned:
        return package
    return f"{exact[1]}>={exact[2]}"


def replacement(name: str, version: str | None, python: str | None) -> str:
    """Return a message for the user if another version is installed than the requested one, otherwise "".

    Args:
        name: key in :data:`FRAMEWORKS`.
        version: as for :func:`choose`.
        python: requested Python version, e.g. ``"3.8"``. Default: that of this process.

    Example:
        >>> replacement("PyTorch", "1.4", "3.8")
        ''
        >>> replacement("Chainer", "5.1.0", "3.9").partition(",")[0]
        'Chainer: version 5.1.0 cannot be installed on Python 3.9'
    """
    framework = FRAMEWORKS[name]
    requested = version or framework.default
    asked = re.match(r"=*(\d+\.\d+)", python or "")
    minor = asked.group(1) if asked else "{}.{}".format(*sys.version_info)
    rows = [row for row in _rows(framework, requested) if number_of(row[0]) <= number_of(minor)]
    if not rows or rows[-1][1] == requested:
        return ""
    what = f"version {requested}" if version else f"the default framework_version {requested}"
    caution = f" {framework.caution}" if framework.caution else ""
    used = rows[-1][1]
    return (
        f"{name}: {what} cannot be installed on Python {minor}, so {used} is used, the nearest release that can. "
        f"To choose another one, set framework_version or pip_packages.{caution}"
    )


def _rows(framework: Framework, requested: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return for each row of the table: Python version, release to install, additional requirements."""
    return [(python, max(requested, row[0], key=number_of), row[1:]) for python, row in framework.oldest.items()]


def _pinned(framework: Framework, version: str) -> str:
    return f"{framework.package}=={version}" + ("" if version.count(".") > 1 else ".*")


def _marker(python: str, following: str | None) -> str:
    if following is None:
        return f"python_version >= '{python}'"
    return f"python_version >= '{python}' and python_version < '{following}'"


def number_of(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which can be compared.

    Example:
        >>> number_of("1.10") > number_of("1.9")
        True
    """
    return tuple(int(part) for part in version.split("."))
