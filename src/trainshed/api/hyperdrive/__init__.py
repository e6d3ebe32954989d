"""Hyperparameter sweeps (HyperDrive)."""

from trainshed.api.hyperdrive.asha import ASHAPolicy
from trainshed.api.hyperdrive.config import (
    MAX_DURATION_MINUTES,
    HyperDriveConfig,
    HyperDriveRunConfig,
)
from trainshed.api.hyperdrive.expressions import (
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from trainshed.api.hyperdrive.goal import PrimaryMetricGoal
from trainshed.api.hyperdrive.policy import (
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)
from trainshed.api.hyperdrive.run import HyperDriveRun
from trainshed.api.hyperdrive.sampling import (
    BayesianParameterSampling,
    GridParameterSampling,
    HyperParameterSampling,
    RandomParameterSampling,
)

__all__ = [
    "MAX_DURATION_MINUTES",
    "ASHAPolicy",
    "BanditPolicy",
    "BayesianParameterSampling",
    "EarlyTerminationPolicy",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveRun",
    "HyperDriveRunConfig",
    "HyperParameterSampling",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "TruncationSelectionPolicy",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]
