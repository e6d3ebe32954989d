"""Which files of a source folder are excluded: the patterns of ``.amlignore`` or ``.gitignore``."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from trainshed.client.gitignore import Ignore

AMLIGNORE = ".amlignore"
GITIGNORE = ".gitignore"
ALWAYS = (".git", "__pycache__")
"""Excluded unless the ignore file includes them again (``!.git``)."""
_NAMES = frozenset({*ALWAYS, ".ipynb_checkpoints", ".venv"})
_PATHS = frozenset({".azureml", "azureml-logs", "azureml-setup", "outputs"})
"""Also excluded if the folder has no ignore file: by name anywhere, or by path."""
MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""A folder that contains one of these is an environment: excluded unless the ignore file includes it (``!/venv``)."""


class BuiltIn:
    """The rules of a folder without an ignore file."""

    @staticmethod
    def excludes(path: str, name: str, is_dir: bool, otherwise: bool = False) -> bool:  # noqa: ARG004 - as Ignore's
        """Tell whether a path is excluded; see :meth:`trainshed.client.gitignore.Ignore.excludes`."""
        return name in _NAMES or path in _PATHS or otherwise


def rules_of(folder: str) -> Ignore | BuiltIn:
    """Return the rules of a source folder: its ``.amlignore``, else its ``.gitignore``, else the built-in ones.

    Args:
        folder: the source folder.
    """
    for name in (AMLIGNORE, GITIGNORE):
        try:
            with open(os.path.join(folder, name), encoding="utf-8-sig", errors="surrogateescape") as file:
                from trainshed.client.gitignore import Ignore  # few folders have one

                return Ignore([*ALWAYS, *file.read().splitlines()])
        except (FileNotFoundError, IsADirectoryError):
            continue
    return BuiltIn()
