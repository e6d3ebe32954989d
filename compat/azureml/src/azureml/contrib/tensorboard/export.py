"""SDK v1's module ``azureml.contrib.tensorboard.export``."""

from trainshed.tensorboard import export_to_tensorboard

__all__ = ["export_to_tensorboard"]
