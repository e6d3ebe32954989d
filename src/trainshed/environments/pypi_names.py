"""The names that conda's packages have on PyPI."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence, Tuple

from trainshed.environments.match_specs import CondaSpec, as_pep440
from trainshed.errors import EnvironmentBuildException

_TABLE = os.path.join(os.path.dirname(__file__), "pypi_names.tsv")
_REFUSED = "!"
_NEEDLESS = "-"
# R's packages, libraries of C, and the parts of CUDA; the table has the exceptions, such as librosa.
_FOREIGN = ("r-", "lib", "cuda-", "_")
ADVICE = "install conda support (pip install py-rattler) or micromamba"


def as_requirements(
    specs: Sequence[CondaSpec], because: str = f"there is no conda on this node: {ADVICE}"
) -> Tuple[List[str], List[str]]:
    """Return conda packages as pip requirements.

    Args:
        specs: conda match specs.
        because: why conda is not used, for the message.

    Returns:
        The requirements, and for each package what became of it: ``"pytorch as torch"``, ``"six"``; those whose
        name differs first.

    Raises:
        EnvironmentBuildException: a package that PyPI does not have, or has another thing under its name.
    """
    names = _names()
    requirements, renamed, same = [], [], []
    for spec in specs:
        name = names.get(spec.name, _REFUSED if spec.name.startswith(_FOREIGN) else spec.name)
        if name == _REFUSED:
            raise EnvironmentBuildException(
                f"'{spec.name}' is no Python package: only conda has it, and {because}. "
                f"Or leave '{spec.name}' out if your packages bring what they need (those of PyPI mostly do)."
            )
        if name == _NEEDLESS:
            renamed.append(f"{spec.name} left out")
            continue
        if name != spec.name:
            renamed.append(f"{spec.name} as {name}")
        else:
            same.append(spec.name)
        requirements.append(name + as_pep440(spec))
    return requirements, renamed + same


def _names() -> Dict[str, str]:
    with open(_TABLE, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return {row[0]: row[1] for row in rows}
