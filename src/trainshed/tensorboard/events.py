"""TensorBoard event files, written by TensorBoard itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainshed.errors import UserErrorException

MISSING = "TensorBoard is not installed. Install it: pip install tensorboard"


def require() -> None:
    """Raise if TensorBoard, which defines the format, cannot be imported.

    Raises:
        UserErrorException: it cannot be imported.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserErrorException(MISSING) from error


class EventWriter:
    """Writes scalars to an event file.

    Args:
        folder: the folder of the file.

    Raises:
        UserErrorException: TensorBoard, which defines the format, is not installed.
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
    """Yield (step, number) for the numbers in a value; values logged without a step are counted.

    Args:
        step: the logged step, or None.
        value: a value, or a list of values.
        counts: the numbers so far by metric, which are updated.
        name: the metric.
    """
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (int, float)):
            count = counts.get(name, 0)
            counts[name] = count + 1
            yield count if step is None else step, float(each)
