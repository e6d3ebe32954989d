"""Shows runs in TensorBoard: their event files, live, and their metrics, converted to event files."""

from trainshed.tensorboard.board import Tensorboard
from trainshed.tensorboard.export import export_to_tensorboard

__all__ = ["Tensorboard", "export_to_tensorboard"]
