"""SDK v1's module ``azureml.train.dnn``."""

from azureml import _made
from trainshed.api.configuration.distribution import Gloo, Mpi, Nccl, ParameterServer
from trainshed.api.training.frameworks import Chainer, PyTorch, TensorFlow

__all__ = ["Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"]

__getattr__ = _made.lookup("train.dnn")
