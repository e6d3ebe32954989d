"""SDK v1's module ``azureml.tensorboard``."""

from trainshed.tensorboard import Tensorboard

__all__ = ["Tensorboard"]
