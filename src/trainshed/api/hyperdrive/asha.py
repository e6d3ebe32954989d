"""Asynchronous successive halving as an early termination policy."""

from __future__ import annotations

from trainshed.api.hyperdrive.policy import EarlyTerminationPolicy


class ASHAPolicy(EarlyTerminationPolicy):
    """Policy that lets only the best runs go on at each rung, one in ``reduction_factor`` (Trainshed extension).

    This is asynchronous successive halving. The first rung is the larger of ``evaluation_interval`` and
    ``delay_evaluation``; each further one is at ``reduction_factor`` times as many logged values.

    Args:
        evaluation_interval: number of logged values of the first rung (≥ 1).
        delay_evaluation: number of logged values before the policy is first applied (≥ 0).
        reduction_factor: one in so many runs goes on (≥ 2).

    Raises:
        HyperDriveConfigException: a value is not an integer, or out of range.

    Example:
        >>> ASHAPolicy(evaluation_interval=2, reduction_factor=4)
        ASHAPolicy(evaluation_interval=2, delay_evaluation=0, reduction_factor=4)
    """

    POLICY_NAME = "ASHA"

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0, reduction_factor: int = 3) -> None:
        schedule = {"evaluation_interval": evaluation_interval, "delay_evaluation": delay_evaluation}
        super().__init__(self.POLICY_NAME, {**schedule, "reduction_factor": reduction_factor})
        self._whole("reduction_factor", 2)

    @property
    def reduction_factor(self) -> int:
        """One in so many runs goes on at each rung."""
        return int(self._properties["reduction_factor"])
