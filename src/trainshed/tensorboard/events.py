"""TensorBoard's event files, written by TensorBoard itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainshed.errors import UserErrorException

MISSING = "TensorBoard is not installed here. Install it: pip install tensorboard"


def require() -> None:
    """Raise unless TensorBoard, which knows the format, can be imported here.

    Raises:
        UserErrorException: it cannot.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserErrorException(MISSING) from error


class EventWriter:
    """Writes scalars into an event file.

    Args:
        folder: where the file is made.

    Raises:
        UserErrorException: TensorBoard, which knows the format, is not installed.
    """

    def __init__(self, folder: str) -> None:
        require()
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(folder)
        self.flush, self.close = self._writer.flush, self._writer.close

    def add(self, name: str, step: int, time: float, number: float) -> None:
        """Write one scalar."""
        summary = self._summary(value=[self._summary.Value(tag=name, simple_value=number)])
        self._writer.add_event(self._event(step=step, wall_time=time, summary=summary))


def numbers(step: int | None, value: Any, counts: dict[str, int], name: str) -> Iterator[tuple[int, float]]:
    """Yield (step, number) of what is a number in a value; what was logged without a step is counted.

    Args:
        step: as it was logged.
        value: a value, or those of a list.
        counts: numbers so far by metric, which is counted on.
        name: the metric.
    """
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (int, float)):
            count = counts.get(name, 0)
            counts[name] = count + 1
            yield count if step is None else step, float(each)
