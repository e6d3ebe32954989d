"""Lets Python 3.6 to 3.9 import the client, which is written for Python 3.10.

So a script has datasets, models and child runs under every Python, from the same source.
"""

import sys


def install(folder: str) -> None:
    """Have modules below a folder compiled by :mod:`trainshed.runtime.older_source`.

    Args:
        folder: its absolute path.
    """

    def hook(path: str) -> object:
        if not path.startswith(folder):
            raise ImportError(path)
        from importlib.machinery import FileFinder

        from trainshed.runtime.older_source import Loader  # scripts that only log do not need it

        return FileFinder(path, (Loader, [".py"]))

    sys.path_hooks.insert(0, hook)  # type: ignore[arg-type]
