"""Writing of TensorBoard event files, using the ``tensorboard`` package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainshed.errors import UserErrorException

MISSING = "TensorBoard is not installed. Install it: pip install tensorboard"


def require() -> None:
    """Check that TensorBoard can be imported.

    Raises:
        UserErrorException: TensorBoard is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserErrorException(MISSING) from error


class EventWriter:
    """Writes scalars to an event file.

    Args:
        folder: folder in which to create the file.

    Raises:
        UserErrorException: TensorBoard is not installed.
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
        """Write a scalar.

        Args:
            name: tag of the scalar.
            step: training step.
            time: Unix timestamp.
            number: value.
        """
        summary = self._summary(value=[self._summary.Value(tag=name, simple_value=number)])
        self._writer.add_event(self._event(step=step, wall_time=time, summary=summary))


def numbers(step: int | None, value: Any, counts: dict[str, int], name: str) -> Iterator[tuple[int, float]]:
    """Yield (step, number) for each number in a logged value. Without a step, the numbers are counted.

    Args:
        step: logged step, or None.
        value: a value, or a list of values.
        counts: metric name → number of values so far; modified in place.
        name: name of the metric.
    """
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (int, float)):
            count = counts.get(name, 0)
            counts[name] = count + 1
            yield count if step is None else step, float(each)
