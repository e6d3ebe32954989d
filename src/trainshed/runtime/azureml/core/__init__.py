"""azureml.core inside a run."""

from trainshed.runtime.run import Run

__version__ = VERSION = "1.61.0"
__all__ = ["VERSION", "Run"]


def __getattr__(name: str) -> object:
    raise ImportError(
        f"azureml.core.{name} is for the program that submits runs; inside a run there is azureml.core.Run "
        "(from Trainshed)."
    )
