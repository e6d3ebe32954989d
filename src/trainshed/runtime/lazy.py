"""Modules whose names are made on first use, also under Python 3.6."""

import sys


def lazy(name: str) -> None:
    """Make Python 3.6 call the function ``__getattr__`` of a module, as later versions do.

    Args:
        name: the name of the module.
    """
    if sys.version_info < (3, 7):
        module = sys.modules[name]

        class Lazy(type(module)):  # type: ignore[misc]
            """A module whose names are made on first use."""

            def __getattr__(self, attribute: str) -> object:
                return vars(self)["__getattr__"](attribute)

        module.__class__ = Lazy
