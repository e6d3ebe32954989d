"""SDK v1's module ``azureml.train.hyperdrive.policy``."""

from azureml import _made
from trainshed.api.hyperdrive.policy import (
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)

__all__ = [
    "BanditPolicy",
    "EarlyTerminationPolicy",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "TruncationSelectionPolicy",
]

__getattr__ = _made.lookup("train.hyperdrive.policy")
