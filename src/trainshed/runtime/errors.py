"""What is raised at a script for its own mistakes, and how it is told of anything else."""

import sys

from trainshed.errors import RunEnvironmentException, UserErrorException

_MOST_SAID = 1000
_said: "set[str]" = set()


__all__ = ["RunEnvironmentException", "UserErrorException", "warn"]


def warn(sentence: str) -> None:
    """Say something on standard error, if there is one, and only once: a loop would say it at every turn.

    Args:
        sentence: what to say.
    """
    if sentence in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(sentence)
    try:
        sys.stderr.write(f"trainshed: {sentence}\n")
    except (OSError, ValueError, AttributeError):
        return  # closed, broken or replaced by None: training goes on all the same
