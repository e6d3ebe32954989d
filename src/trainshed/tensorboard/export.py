"""Metrics of runs as TensorBoard's event files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.tensorboard.board import MISSING


def export_to_tensorboard(run_data: Any, logsdir: str, logger: Any = None, recursive: bool = True) -> None:
    """Write what runs have logged as event files, one folder for each run.

    Args:
        run_data: a run, runs, or an experiment.
        logsdir: folder for them.
        logger: told of each run, if it is given.
        recursive: children too.

    Raises:
        UserErrorException: TensorBoard, which knows the format, is not installed.

    Example:
        >>> export_to_tensorboard(run, "boards")
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise UserErrorException(MISSING) from error
    for run in _runs(run_data, recursive):
        writer = EventFileWriter(os.path.join(logsdir, run.id))
        for name in run.get_metrics():
            for step, time, number in _numbers(run.series(name)):
                summary = Summary(value=[Summary.Value(tag=name, simple_value=number)])
                writer.add_event(Event(step=step, wall_time=time, summary=summary))
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


def _numbers(series: list[tuple[int | None, float, Any]]) -> Iterator[tuple[int, float, float]]:
    """Yield (step, time, number) of what is a number; what was logged without a step is counted."""
    count = 0
    for step, time, value in series:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, (int, float)):
                yield count if step is None else step, time, float(each)
                count += 1
