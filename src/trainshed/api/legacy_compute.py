"""Names of v1's first previews about compute targets."""

from __future__ import annotations

from typing import Any, NoReturn

from trainshed.api.cloud import CloudOnly, refuse
from trainshed.errors import ComputeTargetException

__all__ = [
    "AbstractComputeTarget",
    "BatchAITarget",
    "ComputeTargetException",
    "LocalTarget",
    "attach_legacy_compute_target",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]

_INSTEAD = "use ComputeTarget(ws, name), or compute_target='local'"


class AbstractComputeTarget(CloudOnly):
    """A target of the first previews."""

    instead = _INSTEAD


class LocalTarget(AbstractComputeTarget):
    """A target of the first previews."""


class BatchAITarget(AbstractComputeTarget):
    """A target of the first previews."""


def prepare_compute_target(experiment: Any, source_directory: str, run_config: Any) -> None:
    """Do nothing: environments are built when a run needs them, and kept."""


def is_compute_target_prepared(experiment: Any, source_directory: str, run_config: Any) -> bool:
    """Return True: there is nothing to prepare by hand."""
    return True


def attach_legacy_compute_target(experiment: Any, source_directory: str, compute_target: Any) -> NoReturn:
    """Refuse."""
    refuse("attach_legacy_compute_target", _INSTEAD)


def remove_legacy_compute_target(experiment: Any, source_directory: str, compute_target_name: str) -> NoReturn:
    """Refuse."""
    refuse("remove_legacy_compute_target", _INSTEAD)
