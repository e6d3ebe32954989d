"""azureml.core.compute_target."""

from trainshed.api.legacy_compute import (
    AbstractComputeTarget,
    BatchAITarget,
    ComputeTargetException,
    LocalTarget,
    attach_legacy_compute_target,
    is_compute_target_prepared,
    prepare_compute_target,
    remove_legacy_compute_target,
)

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
