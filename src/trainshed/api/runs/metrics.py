"""Metrics of a run, as returned by ``run.get_metrics()``."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, UnknownNameException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn


class Metrics(dict):  # type: ignore[type-arg]  # which would import typing
    """A dict of metric name → value, whose ``KeyError`` says which metrics there are.

    Args:
        metrics: name → value.
        run: id and status of the run, for the message.

    Example:
        >>> Metrics({"accuracy": 0.9}, "trial_1, which is Completed,")["Accuracy"]
        Traceback (most recent call last):
        ...
        trainshed.errors.UnknownNameException: Run trial_1, which is Completed, has no metric 'Accuracy'. Did you ...
    """

    def __init__(self, metrics: Mapping[str, Any], run: str) -> None:
        super().__init__(metrics)
        self._run = run

    def __missing__(self, name: str) -> NoReturn:
        """Raise an error that lists the metrics."""
        near = did_you_mean(str(name), self)
        known = near or (f" It has logged {', '.join(sorted(self))}." if self else " It has logged none.")
        raise UnknownNameException(f"Run {self._run} has no metric {name!r}.{known}")
