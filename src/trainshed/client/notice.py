"""How the client speaks to the user outside of exceptions."""

from __future__ import annotations

import sys


def warn(message: str) -> None:
    """Say something the user should know, by ``logging.warning`` as SDK v1 did, or as that would.

    Args:
        message: one or two sentences.
    """
    # Where nobody has imported logging nobody has said how, and it would print this; importing it takes 5 ms.
    logging = sys.modules.get("logging")
    if logging is None:
        sys.stderr.write(f"{message}\n")
    else:
        logging.getLogger("trainshed").warning(message)


def inform(message: str) -> None:
    """Say something the user may want to know, by ``logging.info``.

    Args:
        message: one sentence.
    """
    # Where nobody has imported logging nobody has asked to see this, and importing it takes 5 ms.
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger("trainshed").info(message)


def say(text: str) -> None:
    """Print what v1 printed.

    Args:
        text: lines for standard output.
    """
    sys.stdout.write(text + "\n")
