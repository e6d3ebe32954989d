"""One command, one process."""

from __future__ import annotations

from typing import List, Tuple

from trainshed.launchers.plan import Process


def plan(argv: Tuple[str, ...]) -> List[Process]:
    """Return the one process that runs ``argv``.

    Args:
        argv: the command.

    Example:
        >>> plan(("python", "train.py"))
        [Process(name='main', argv=('python', 'train.py'), variables={'AZUREML_PROCESS_NAME': 'main'})]
    """
    return [Process("main", argv, {"AZUREML_PROCESS_NAME": "main"})]
