"""What is raised at a script for its own mistakes, and how it is told of anything else."""

import sys

_MOST_SAID = 1000
_said: "set[str]" = set()


class AzureMLException(Exception):
    """Root of what a run raises.

    Args:
        message: one or two sentences: what was wrong, and what to do next.
    """

    def __init__(self, message: str = "", **_: object) -> None:
        super().__init__(message)
        self.message = message


class UserErrorException(AzureMLException):
    """The script called the run wrongly."""


class RunEnvironmentException(AzureMLException):
    """There is no current run here, or it cannot do what was asked."""


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
