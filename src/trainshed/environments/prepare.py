"""Provides the Python environment of a run: finds it, or has it built."""

from __future__ import annotations

import os

from trainshed.environments.prepared import Inside, Prepared, existing, existing_inside
from trainshed.errors import TYPE_CHECKING
from trainshed.spec.environment import EXISTING, EnvironmentSpec

if TYPE_CHECKING:
    from typing import BinaryIO, Optional, Sequence, Union


def prepare(
    request: EnvironmentSpec,
    home: Union[str, os.PathLike[str]],
    log: BinaryIO,
    sites: Sequence[str] = (),
    inside: Optional[Inside] = None,
) -> Prepared:
    """Return the requested environment, building it if necessary.

    Args:
        request: requested environment.
        home: Trainshed's home on this node.
        log: file for the output of builds.
        sites: site-packages folders of this Python.
        inside: image in which the environment will be used; None for this machine.

    Raises:
        EnvironmentBuildException: the environment cannot be provided. The message includes the solver's error, if any.
    """
    if inside is not None:
        if request.kind == EXISTING:
            return existing_inside(inside)
        sites = ()
    elif request.kind == EXISTING:
        return existing(request.interpreter)
    from pathlib import Path

    # These take longer to import than all else that a run needs, and a job of Slurm waits for that.
    from trainshed.environments.builder import Builder

    return Builder(request, Path(home), log, sites, inside).prepare()
