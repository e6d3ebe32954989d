"""TensorBoard integration: shows event files and metrics of runs, and exports metrics to event files."""

from trainshed.tensorboard.board import Tensorboard
from trainshed.tensorboard.export import export_to_tensorboard

__all__ = ["Tensorboard", "export_to_tensorboard"]
