"""azureml.core inside a run."""

import os
import sys

from trainshed.runtime.run import Run
from trainshed.runtime.unavailable import missing

__version__ = VERSION = "1.61.0"
__all__ = ["VERSION", "Run"]

_rest = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "client", "azureml", "core")
_whole = os.path.isdir(_rest)
if _whole:
    __path__.append(_rest)


def __getattr__(name: str) -> object:
    if _whole and not name.startswith("_") and name != "whole":
        from importlib import import_module

        return getattr(import_module("azureml.core.whole"), name)
    # No ImportError: pickle asks every module for every name. The import system asks unavailable.Finder instead.
    raise AttributeError(missing(f"azureml.core.{name}"))


if sys.version_info < (3, 7):
    from trainshed.runtime.lazy import lazy

    lazy(__name__)
