"""An environment that is ready to use, and those that are so without being built."""

from __future__ import annotations

import os
import sys

from trainshed.errors import TYPE_CHECKING, EnvironmentBuildException
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Dict, Optional, Sequence, Tuple

    from trainshed.environments.cache import CacheEntry
    from trainshed.environments.commands import Wrap


class Inside(Record):
    """The image in which an environment is built and used.

    Attributes:
        image: id of the image.
        python: path of the base Python in the container.
        version: version of the base Python.
        wrap: function that converts a command to run in the image.
        alone: whether the base Python is not part of the image, so that its packages must not be visible.
    """

    image: str
    python: str
    version: Tuple[int, ...]
    wrap: Wrap
    alone: bool = False


class Prepared(Record):
    """An environment that is ready to use.

    Attributes:
        python: absolute path of the interpreter.
        path_entries: folders to prepend to PATH.
        variables: environment variables to set for the script.
        key: cache key, or ``""`` for an existing environment.
        cached: whether the environment was found in the cache.
        solver: ``"existing"``, ``"uv"`` or ``"conda"``.
        notes: messages for the user.
        resolved: installed packages, as ``name==version``.
        entry: cache entry, which is held to protect the environment from pruning.
    """

    python: str
    path_entries: Tuple[str, ...]
    variables: Dict[str, str]
    key: str
    cached: bool
    solver: str
    notes: Tuple[str, ...]
    resolved: Tuple[str, ...]
    entry: Optional[CacheEntry]

    @property
    def prefix(self) -> Optional[Path]:
        """Folder of the environment, or None for an existing environment."""
        return None if self.entry is None else self.entry.prefix


def existing(name: str) -> Prepared:
    """Return an interpreter of this machine as it is.

    Args:
        name: its path, or name on the PATH; ``"python"`` is the one of this process.

    Raises:
        EnvironmentBuildException: it is not here.
    """
    path = sys.executable if name == "python" else os.path.expanduser(name)
    if not (os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK)):
        import shutil  # only here; a job of Slurm waits for each import

        path = shutil.which(path) or ""
    if not path:
        raise EnvironmentBuildException(
            f"The interpreter '{name}' is not on this node. Use the path of an existing Python, "
            "or let an environment be built (user_managed_dependencies = False)."
        )
    path = os.path.abspath(path)
    return Prepared(path, (os.path.dirname(path),), {}, "", True, "existing", (), (), None)


def existing_inside(inside: Inside, notes: Sequence[str] = ()) -> Prepared:
    """Return the Python of an image as it is.

    Args:
        inside: the image.
        notes: messages for the user.
    """
    # The image's PATH is correct already.
    return Prepared(inside.python, (), {}, "", True, "existing", tuple(notes), (), None)
