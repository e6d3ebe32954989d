"""Runs in TensorBoard: what they write to ``logs/``, live, and what they have logged, as event files."""

from trainshed.tensorboard.board import Tensorboard
from trainshed.tensorboard.export import export_to_tensorboard

__all__ = ["Tensorboard", "export_to_tensorboard"]
