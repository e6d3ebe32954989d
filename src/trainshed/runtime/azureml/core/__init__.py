"""azureml.core inside a run."""

from trainshed.runtime.names import missing
from trainshed.runtime.run import Run

__version__ = VERSION = "1.61.0"
__all__ = ["VERSION", "Run"]


def __getattr__(name: str) -> object:
    # No ImportError: pickle asks every module for every name. The import system asks names.Finder for its sentence.
    raise AttributeError(missing(f"azureml.core.{name}"))
