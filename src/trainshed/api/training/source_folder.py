"""Source folders: whether they, and the script in them, exist."""

from __future__ import annotations

import os

from trainshed.errors import UserErrorException, did_you_mean

_NEAR_LIMIT = 2000


def check_source(folder: str, script: str | None) -> str | None:
    """Check that the source folder and script exist, and return the script's path relative to the folder.

    Args:
        folder: source folder.
        script: path of the script, absolute or relative to the folder; None if a command is run.

    Raises:
        UserErrorException: the folder or script does not exist, or the script is outside the folder. The message
            suggests the closest match.

    Example:
        >>> check_source("./src", "train.py")
        'train.py'
    """
    if not os.path.isdir(folder):
        what = "is a file, not a folder" if os.path.exists(folder) else "does not exist"
        parent, name = os.path.split(os.path.abspath(folder))
        near = did_you_mean(name, os.listdir(parent) if os.path.isdir(parent) else ())
        raise UserErrorException(f"The source folder '{folder}' {what}.{near}")
    if script is None:
        return None
    root = os.path.realpath(folder)
    relative = os.path.relpath(os.path.join(root, script), root)
    if relative.startswith(os.pardir):
        parent = os.path.commonpath([root, os.path.normpath(os.path.join(root, script))])
        raise UserErrorException(
            f"The script '{script}' is outside the source folder '{folder}'. Move it there, "
            f"or use a folder that contains both, such as '{parent}'."
        )
    if not os.path.isfile(os.path.join(root, relative)):
        raise UserErrorException(f"There is no script '{script}' in '{folder}'.{_nearest(root, script)}")
    return relative.replace(os.sep, "/")


def _nearest(root: str, script: str) -> str:
    """Suggest a script: one with the same name in a subfolder, or the one with the most similar path."""
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        scripts = sorted(name for name in names if name.endswith((".py", ".sh", ".ipynb")))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in scripts]
        if len(found) > _NEAR_LIMIT:
            break
    same_name = [path for path in found if os.path.basename(path) == os.path.basename(script)]
    return f" Did you mean '{same_name[0]}'?" if same_name else did_you_mean(script, found)
