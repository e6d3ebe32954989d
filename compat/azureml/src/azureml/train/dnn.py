"""azureml.train.dnn."""

from trainshed.api.estimator_distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.frameworks import Chainer, PyTorch, TensorFlow

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]
