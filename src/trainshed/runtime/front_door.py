"""Trainshed as a training script sees it: the current run, and everything else on first use."""

import os
import sys

from trainshed.runtime import unavailable

__all__ = ["Run"]  # noqa: F822 - made on first use

if unavailable.Finder not in sys.meta_path:
    sys.meta_path.append(unavailable.Finder)
if sys.version_info >= (3, 10) and "__path__" in globals():
    _rest = os.path.join(os.path.dirname(os.path.dirname(__file__)), "client", "trainshed")
    sys.modules[__name__].__path__.append(_rest)


def __getattr__(name: str) -> object:
    if name == "Run":
        from trainshed.runtime.run import Run

        return Run
    if name == "__version__":
        from trainshed.version import VERSION

        return VERSION
    if not name.startswith("_"):
        try:
            found = unavailable.whole()
        except ImportError:
            pass
        else:
            if found is not sys.modules[__name__]:
                return getattr(found, name)
    raise AttributeError(unavailable.missing(f"trainshed.{name}"))
