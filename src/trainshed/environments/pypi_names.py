"""Conversion of conda package names to PyPI names."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence, Tuple

from trainshed.environments.match_specs import CondaSpec, as_pep440
from trainshed.errors import EnvironmentBuildException

_TABLE = os.path.join(os.path.dirname(__file__), "pypi_names.tsv")
_REFUSED = "!"
_NEEDLESS = "-"
# R packages, C libraries, and parts of CUDA. The table contains exceptions, such as librosa.
_FOREIGN = ("r-", "lib", "cuda-", "_")
ADVICE = "install conda support (pip install py-rattler) or micromamba"


def as_requirements(
    specs: Sequence[CondaSpec], because: str = f"conda is not installed on this node: {ADVICE}"
) -> Tuple[List[str], List[str]]:
    """Convert conda packages to pip requirements.

    Args:
        specs: conda match specs.
        because: reason why conda is not used, for the error message.

    Returns:
        List of requirements, and list of conversions for messages, e.g. ``["pytorch as torch", "six"]``, with renamed
        packages first.

    Raises:
        EnvironmentBuildException: PyPI does not have a package, or has a different one under its name.
    """
    names = _names()
    requirements, renamed, same = [], [], []
    for spec in specs:
        name = names.get(spec.name, _REFUSED if spec.name.startswith(_FOREIGN) else spec.name)
        if name == _REFUSED:
            raise EnvironmentBuildException(
                f"'{spec.name}' is not a Python package and is only available from conda, but {because}. "
                f"Or remove '{spec.name}' if your other packages include it (those on PyPI usually do)."
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
