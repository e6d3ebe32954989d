"""azureml.train.estimator."""

from trainshed.api.estimator import Estimator
from trainshed.api.estimator_base import MMLBaseEstimator
from trainshed.api.estimator_distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.runconfig import MpiConfiguration, TensorflowConfiguration

MMLBaseEstimatorRunConfig = MMLBaseEstimator

__all__ = [
    "Estimator",
    "Gloo",
    "MMLBaseEstimator",
    "MMLBaseEstimatorRunConfig",
    "Mpi",
    "MpiConfiguration",
    "Nccl",
    "ParameterServer",
    "TensorflowConfiguration",
]
