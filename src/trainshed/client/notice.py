"""Messages to the user other than exceptions."""

from __future__ import annotations

import sys


def warn(message: str) -> None:
    """Show a warning through ``logging.warning``, as SDK v1 did, or in the same format.

    Args:
        message: one or two sentences.
    """
    # If logging has not been imported, it is not configured and would print this; importing it takes 5 ms.
    logging = sys.modules.get("logging")
    if logging is None:
        sys.stderr.write(f"{message}\n")
    else:
        logging.getLogger("trainshed").warning(message)


def inform(message: str) -> None:
    """Show an information message through ``logging.info``.

    Args:
        message: one sentence.
    """
    # If logging has not been imported, nobody has enabled such messages; importing it takes 5 ms.
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger("trainshed").info(message)


def say(text: str) -> None:
    """Print what v1 printed.

    Args:
        text: lines for standard output.
    """
    sys.stdout.write(text + "\n")
