"""Trainshed as a training script sees it: the current run."""

import sys

from trainshed.runtime.names import Finder, missing

__version__ = "0.1.0"
__all__ = ["Run"]  # noqa: F822 - made on first use

if Finder not in sys.meta_path:
    sys.meta_path.append(Finder)


def __getattr__(name: str) -> object:
    if name == "Run":
        from trainshed.runtime.run import Run

        return Run
    raise AttributeError(missing(f"trainshed.{name}"))
