"""SDK v1's module ``azureml.train.hyperdrive.sampling``."""

from azureml import _made
from trainshed.api.hyperdrive.sampling import (
    BayesianParameterSampling,
    GridParameterSampling,
    HyperParameterSampling,
    RandomParameterSampling,
)

__all__ = ["BayesianParameterSampling", "GridParameterSampling", "HyperParameterSampling", "RandomParameterSampling"]

__getattr__ = _made.lookup("train.hyperdrive.sampling")
