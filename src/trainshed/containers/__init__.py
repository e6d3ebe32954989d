"""Container engines: find one, have the image there, see what Python it has, and say what the engine is to run."""

from trainshed.containers.engine import Engine, Order, find, run_argv
from trainshed.containers.images import Image

__all__ = ["Engine", "Image", "Order", "find", "run_argv"]
