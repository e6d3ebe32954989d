"""SDK v1's module ``azureml.train.estimator``."""

from azureml import _made
from trainshed.api.configuration.distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.configuration.runconfig_sections import MpiConfiguration, TensorflowConfiguration
from trainshed.api.training.estimator import Estimator
from trainshed.api.training.estimator_base import MMLBaseEstimator

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

__getattr__ = _made.lookup("train.estimator")
