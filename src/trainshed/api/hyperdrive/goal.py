"""What a sweep wants of its primary metric."""

from __future__ import annotations

from enum import Enum

from trainshed.errors import HyperDriveConfigException


class PrimaryMetricGoal(Enum):
    """Whether to maximize or minimize the primary metric.

    Example:
        >>> PrimaryMetricGoal.from_str("maximize") is PrimaryMetricGoal.MAXIMIZE
        True
    """

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> PrimaryMetricGoal:
        """Convert a string to a goal.

        Args:
            goal: ``"maximize"`` or ``"minimize"``, case-insensitive.

        Raises:
            HyperDriveConfigException: the string is not a goal.
        """
        try:
            return PrimaryMetricGoal[goal.upper()]
        except (KeyError, AttributeError):
            raise HyperDriveConfigException(
                f"The goal of a primary metric must be 'maximize' or 'minimize', not {goal!r}."
            ) from None
