"""SDK v1's module ``azureml.core.compute_target``."""

from typing import Any

from azureml import _made
from trainshed.errors import ComputeTargetException


def is_compute_target_prepared(experiment: Any, source_directory: str, run_config: Any) -> bool:
    """Return True. Compute targets need no preparation, because environments are built when a run needs them."""
    return True


__all__ = ["ComputeTargetException", "is_compute_target_prepared", *_made.names("core.compute_target")]

__getattr__ = _made.lookup("core.compute_target")
