"""The logs of a run: opened so that nothing which a script has put in their place holds up or misleads the node."""

from __future__ import annotations

import errno
import os

from trainshed.system import confined


def open_log(path: str) -> int:
    """Open a log of a run for appending, creating it and its folder.

    Args:
        path: absolute path; the log is in a folder of the run directory.

    Returns:
        A descriptor: of the log, or of the null device where something else stands in its place.

    Raises:
        OSError: it cannot be written.
    """
    folder, name = os.path.split(path)
    root, below = os.path.split(folder)
    try:
        return confined.open_to_append(root, f"{below}/{name}")
    except OSError as error:
        if error.errno not in confined.ODD:
            raise
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def make_log(run_dir: str, name: str, second: str) -> None:
    """Create a log that has two names.

    Args:
        run_dir: the run directory.
        name: its path in it.
        second: the other one.
    """
    os.close(open_log(os.path.join(run_dir, name)))
    try:
        if confined.facts_inside(run_dir, second) is None:
            confined.link_inside(run_dir, name, second)
    except OSError as error:
        if error.errno not in {*confined.ODD, errno.EEXIST, errno.EPERM}:
            raise


def tail(path: str, size: int) -> str:
    """Return the end of a log, up to ``size`` bytes; nothing where it cannot be read."""
    folder, name = os.path.split(path)
    facts = confined.facts_inside(folder, name)
    offset = max(facts.st_size - size, 0) if facts is not None else 0
    return confined.read_inside(folder, name, offset, size).decode("utf-8", "replace")
