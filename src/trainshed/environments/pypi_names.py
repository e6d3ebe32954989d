"""The names that conda's packages have on PyPI."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence, Tuple

from trainshed.environments.packages import CondaSpec, as_pep440
from trainshed.errors import EnvironmentBuildException

_TABLE = os.path.join(os.path.dirname(__file__), "pypi_names.tsv")
ADVICE = "install conda support (pip install 'trainshed[conda]') or micromamba"


def as_requirements(specs: Sequence[CondaSpec], because: str = "") -> Tuple[List[str], List[str]]:
    """Return conda packages as pip requirements.

    Args:
        specs: conda match specs.
        because: why conda is not used, for the message.

    Returns:
        The requirements, and for each name that differs ``"conda's as PyPI's"``.

    Raises:
        EnvironmentBuildException: a package that PyPI does not have.
    """
    names = _names()
    requirements, renamed = [], []
    for spec in specs:
        name = "!" if spec.name.startswith(("r-", "lib", "cuda-")) else spec.name
        name = names.get(spec.name, name)
        if name == "!":
            raise EnvironmentBuildException(
                f"'{spec.name}' is no Python package: only conda has it, and "
                f"{because or f'conda is not used here; to use it, {ADVICE}'}. "
                f"Or leave '{spec.name}' out if your packages bring what they need (those of PyPI mostly do)."
            )
        if name != spec.name:
            renamed.append(f"{spec.name} as {name}")
        requirements.append(name + as_pep440(spec))
    return requirements, renamed


def _names() -> Dict[str, str]:
    with open(_TABLE, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return {row[0]: row[1] for row in rows}
