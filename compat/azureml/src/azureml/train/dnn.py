"""SDK v1's module ``azureml.train.dnn``."""

from trainshed.api.configuration.distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.training.frameworks import Chainer, PyTorch, TensorFlow

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]
