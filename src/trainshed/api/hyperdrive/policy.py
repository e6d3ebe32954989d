"""When a sweep ends a run early: which of its runs promise too little."""

from __future__ import annotations

from typing import Any, ClassVar

from trainshed.errors import HyperDriveConfigException


class EarlyTerminationPolicy:
    """When a sweep looks at its runs.

    Args:
        evaluation_interval: looks at every so many values of the primary metric (≥ 1).
        delay_evaluation: number of values before the first look (≥ 0).

    Raises:
        HyperDriveConfigException: a number that is none, or out of its range.

    Example:
        >>> EarlyTerminationPolicy(evaluation_interval=5)
        EarlyTerminationPolicy(evaluation_interval=5, delay_evaluation=0)
    """

    POLICY_NAME: ClassVar[str] = ""

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        self.evaluation_interval = self._whole("evaluation_interval", evaluation_interval, 1)
        self.delay_evaluation = self._whole("delay_evaluation", delay_evaluation, 0)

    def _whole(self, name: str, value: Any, least: int, most: int | None = None) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            span = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise HyperDriveConfigException(
                f"{type(self).__name__}: {name} must be a whole number {span}, not {value!r}."
            )
        return int(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every run goes on to its end.

    Example:
        >>> NoTerminationPolicy().POLICY_NAME
        'Default'
    """

    POLICY_NAME = "Default"

    def __init__(self) -> None:
        super().__init__()


class BanditPolicy(EarlyTerminationPolicy):
    """Ends runs that are too far from the best.

    Args:
        evaluation_interval: looks at every so many values of the primary metric (≥ 1).
        slack_factor: how far a run may be from the best, as a part of it.
        slack_amount: how far a run may be from the best, in the metric's own unit; exactly one of the two.
        delay_evaluation: number of values before the first look (≥ 0).

    Raises:
        HyperDriveConfigException: both slacks or none; a number that is none, or out of its range.

    Example:
        >>> BanditPolicy(evaluation_interval=2, slack_factor=0.1).slack_factor
        0.1
    """

    POLICY_NAME = "Bandit"

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        delay_evaluation: int = 0,
    ) -> None:
        super().__init__(evaluation_interval, delay_evaluation)
        if (slack_factor is None) == (slack_amount is None):
            given = "both are given" if slack_factor is not None else "neither is given"
            raise HyperDriveConfigException(
                f"BanditPolicy: {given}; pass either slack_factor or slack_amount, e.g. BanditPolicy(slack_factor=0.1)."
            )
        for name, value in (("slack_factor", slack_factor), ("slack_amount", slack_amount)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise HyperDriveConfigException(f"BanditPolicy: {name} must be a number, not {value!r}.")
        self.slack_factor = slack_factor
        self.slack_amount = slack_amount


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Ends runs whose best is below the median of the running averages of all runs.

    Args:
        evaluation_interval: looks at every so many values of the primary metric (≥ 1).
        delay_evaluation: number of values before the first look (≥ 0).

    Example:
        >>> MedianStoppingPolicy(evaluation_interval=2, delay_evaluation=5).delay_evaluation
        5
    """

    POLICY_NAME = "MedianStopping"


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Ends the worst of the runs at each look.

    Args:
        truncation_percentage: how many of them, in percent (1 to 99).
        evaluation_interval: looks at every so many values of the primary metric (≥ 1).
        delay_evaluation: number of values before the first look (≥ 0).

    Raises:
        HyperDriveConfigException: a number that is none, or out of its range.

    Example:
        >>> TruncationSelectionPolicy(truncation_percentage=20).truncation_percentage
        20
    """

    POLICY_NAME = "TruncationSelection"

    def __init__(self, truncation_percentage: int, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        super().__init__(evaluation_interval, delay_evaluation)
        self.truncation_percentage = self._whole("truncation_percentage", truncation_percentage, 1, 99)
