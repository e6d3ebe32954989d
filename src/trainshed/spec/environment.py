"""The Python environment that a run requests: which interpreter and which packages."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Optional, Tuple


MANAGED = "managed"
EXISTING = "existing"
SOLVERS = ("auto", "conda", "pypi")


class EnvironmentSpec(Record):
    """A request for a Python environment; the node turns it into a prefix.

    Attributes:
        kind: ``"managed"`` (built for the run and cached) or ``"existing"`` (used as it is).
        interpreter: for ``"existing"``: a path or command of the Python to use.
        python: version such as ``"3.11"``; None means the node's own.
        conda: conda match specs, e.g. ``("scikit-learn>=1.4",)``.
        pip: PEP 508 requirements, e.g. ``("numpy<3",)``.
        channels: conda channels in order of priority; empty means conda-forge.
        solver: ``"auto"`` (conda if available, otherwise PyPI with a warning), ``"conda"`` or ``"pypi"``.
        index_url: package index to use instead of the node's configured one.
        pip_options: further index options, each ``"--extra-index-url URL"``, ``"--find-links PATH"``,
            ``"--trusted-host HOST"`` or ``"--pre"``.
        notes: messages to show in the run's log and details, for example about replaced packages.

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
    notes: Tuple[str, ...] = ()
