"""Trainshed as a training script sees it: the current run, and everything else on first use."""

import os
import sys

from trainshed.runtime import unavailable

__all__ = ["Run"]  # noqa: F822 - made on first use

if unavailable.Finder not in sys.meta_path:
    sys.meta_path.append(unavailable.Finder)
if "__path__" in globals():
    _client = os.path.join(os.path.dirname(os.path.dirname(__file__)), "client")
    if sys.version_info < (3, 10):
        from trainshed.runtime.lazy import lazy
        from trainshed.runtime.older import install

        install(_client)
        lazy(__name__)
    sys.modules[__name__].__path__.append(os.path.join(_client, "trainshed"))


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
