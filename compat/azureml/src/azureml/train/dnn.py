"""azureml.train.dnn."""

from trainshed.api.training.distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.training.frameworks import Chainer, PyTorch, TensorFlow

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]
