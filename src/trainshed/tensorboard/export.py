"""Export of run metrics to TensorBoard event files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from trainshed.tensorboard.events import EventWriter, numbers, require


def export_to_tensorboard(run_data: Any, logsdir: str, logger: Any = None, recursive: bool = True) -> None:
    """Write the metrics of runs to TensorBoard event files, in one folder per run.

    Args:
        run_data: a run, a list of runs, or an experiment.
        logsdir: parent folder.
        logger: logger for a message about each run. Default: none.
        recursive: include child runs.

    Raises:
        UserErrorException: TensorBoard is not installed.

    Example:
        >>> export_to_tensorboard(run, "boards")
    """
    require()
    for run in _runs(run_data, recursive):
        writer = EventWriter(os.path.join(logsdir, run.id))
        counts: dict[str, int] = {}
        for name in run.get_metrics():
            for step, time, value in run.series(name):
                for at, number in numbers(step, value, counts, name):
                    writer.add(name, at, time, number)
        writer.close()
        if logger is not None:
            logger.info("Exported run %s", run.id)


def _runs(given: Any, recursive: bool) -> Iterator[Any]:
    if hasattr(given, "get_runs"):
        yield from given.get_runs(include_children=recursive)
        return
    for run in given if isinstance(given, Iterable) else [given]:
        yield run
        if recursive:
            yield from run.get_children(recursive=True)
