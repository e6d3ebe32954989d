"""SDK v1's module ``azureml.contrib.tensorboard``."""

from trainshed.tensorboard import Tensorboard

__all__ = ["Tensorboard"]
