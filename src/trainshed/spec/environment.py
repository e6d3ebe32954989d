"""Python environment of a run: interpreter and packages."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Optional, Tuple


MANAGED = "managed"
EXISTING = "existing"
SOLVERS = ("auto", "conda", "pypi")


class EnvironmentSpec(Record):
    """Requested Python environment. The node builds it, or uses an existing one.

    Attributes:
        kind: ``"managed"`` (built and cached) or ``"existing"``.
        interpreter: path or command of the Python interpreter, if ``kind`` is ``"existing"``.
        python: Python version, e.g. ``"3.11"``. Default: the node's Python.
        conda: conda match specs, e.g. ``("scikit-learn>=1.4",)``.
        pip: PEP 508 requirements, e.g. ``("numpy<3",)``.
        channels: conda channels in order of priority. Default: conda-forge.
        solver: ``"auto"`` (conda if available, otherwise PyPI with a warning), ``"conda"`` or ``"pypi"``.
        index_url: package index. Default: the node's configured one.
        pip_options: further pip options, each ``"--extra-index-url URL"``, ``"--find-links PATH"``,
            ``"--trusted-host HOST"`` or ``"--pre"``.
        nearest_python: use the Python with the nearest version if the requested one is not available.
        notes: messages for the run's log and details, e.g. about replaced packages.

    Example:
        >>> EnvironmentSpec(conda=("scikit-learn",)).kind
        'managed'
    """

    kind: str = MANAGED
    interpreter: str = "python"
    python: Optional[str] = None
    conda: Tuple[str, ...] = ()
    pip: Tuple[str, ...] = ()
    channels: Tuple[str, ...] = ()
    solver: str = "auto"
    index_url: Optional[str] = None
    pip_options: Tuple[str, ...] = ()
    nearest_python: bool = False
    notes: Tuple[str, ...] = ()
