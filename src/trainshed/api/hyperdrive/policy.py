"""Early termination policies of sweeps: when to stop runs that perform poorly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from trainshed.errors import HyperDriveConfigException


class EarlyTerminationPolicy:
    """Base class of early termination policies.

    Args:
        name: name of the policy, as SDK v1 stores it.
        properties: settings of the policy: ``evaluation_interval``, ``delay_evaluation`` and those of its kind.

    Raises:
        HyperDriveConfigException: a value is not an integer, or out of range.

    Example:
        >>> BanditPolicy(evaluation_interval=5, slack_factor=0.1).to_json()["properties"]["evaluation_interval"]
        5
    """

    POLICY_NAME: ClassVar[str] = ""

    def __init__(self, name: str, properties: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._properties = dict(properties or {})
        self._whole("evaluation_interval", 1)
        self._whole("delay_evaluation", 0)

    @property
    def evaluation_interval(self) -> int:
        """The policy is applied each time the primary metric has been logged this many times."""
        return int(self._properties.get("evaluation_interval", 1))

    @property
    def delay_evaluation(self) -> int:
        """Number of logged values before the policy is first applied."""
        return int(self._properties.get("delay_evaluation", 0))

    def to_json(self) -> dict[str, Any]:
        """Return the policy as a JSON-serializable dict with its name and properties."""
        return {"name": self._name, "properties": dict(self._properties)}

    def _whole(self, name: str, least: int, most: int | None = None) -> None:
        value = self._properties.get(name, least)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            span = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise HyperDriveConfigException(
                f"{type(self).__name__}: {name} must be a whole number {span}, not {value!r}."
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._properties.items())})"


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Policy that never stops a run.

    Example:
        >>> NoTerminationPolicy().POLICY_NAME
        'Default'
    """

    POLICY_NAME = "Default"

    def __init__(self) -> None:
        super().__init__(self.POLICY_NAME)


class BanditPolicy(EarlyTerminationPolicy):
    """Policy that stops runs whose primary metric is too far from the best run's.

    Pass exactly one of ``slack_factor`` and ``slack_amount``.

    Args:
        evaluation_interval: apply the policy each time the primary metric has been logged this many times (≥ 1).
        slack_factor: allowed distance from the best run, as a ratio.
        slack_amount: allowed distance from the best run, as an absolute value.
        delay_evaluation: number of logged values before the policy is first applied (≥ 0).

    Raises:
        HyperDriveConfigException: both or neither slack is passed, or a value is invalid.

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
        if (slack_factor is None) == (slack_amount is None):
            given = "both are given" if slack_factor is not None else "neither is given"
            raise HyperDriveConfigException(
                f"BanditPolicy: {given}; pass either slack_factor or slack_amount, e.g. BanditPolicy(slack_factor=0.1)."
            )
        for name, value in (("slack_factor", slack_factor), ("slack_amount", slack_amount)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise HyperDriveConfigException(f"BanditPolicy: {name} must be a number, not {value!r}.")
        slack = {"slack_factor": slack_factor} if slack_amount is None else {"slack_amount": slack_amount}
        schedule = {"evaluation_interval": evaluation_interval, "delay_evaluation": delay_evaluation}
        super().__init__(self.POLICY_NAME, {**schedule, **slack})

    @property
    def slack_factor(self) -> float | None:
        """Allowed distance from the best run, as a ratio."""
        return self._properties.get("slack_factor")

    @property
    def slack_amount(self) -> float | None:
        """Allowed distance from the best run, as an absolute value."""
        return self._properties.get("slack_amount")


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Policy that stops runs whose best value is worse than the median of the running averages of all runs.

    Args:
        evaluation_interval: apply the policy each time the primary metric has been logged this many times (≥ 1).
        delay_evaluation: number of logged values before the policy is first applied (≥ 0).

    Example:
        >>> MedianStoppingPolicy(evaluation_interval=2, delay_evaluation=5).delay_evaluation
        5
    """

    POLICY_NAME = "MedianStopping"

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        schedule = {"evaluation_interval": evaluation_interval, "delay_evaluation": delay_evaluation}
        super().__init__(self.POLICY_NAME, schedule)


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Policy that stops a percentage of the worst runs each time it is applied.

    Args:
        truncation_percentage: percentage of runs to stop (1 to 99).
        evaluation_interval: apply the policy each time the primary metric has been logged this many times (≥ 1).
        delay_evaluation: number of logged values before the policy is first applied (≥ 0).

    Raises:
        HyperDriveConfigException: a value is not an integer, or out of range.

    Example:
        >>> TruncationSelectionPolicy(truncation_percentage=20).truncation_percentage
        20
    """

    POLICY_NAME = "TruncationSelection"

    def __init__(self, truncation_percentage: int, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        schedule = {"evaluation_interval": evaluation_interval, "delay_evaluation": delay_evaluation}
        super().__init__(self.POLICY_NAME, {**schedule, "truncation_percentage": truncation_percentage})
        self._whole("truncation_percentage", 1, 99)

    @property
    def truncation_percentage(self) -> int:
        """Percentage of runs to stop."""
        return int(self._properties["truncation_percentage"])
