"""Validation of sweep specifications, by the client that creates them and by the service that receives them."""

from __future__ import annotations

import json
import math

from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean
from trainshed.spec.expressions import check_expression, name_of
from trainshed.spec.sweep import BANDIT, BAYESIAN, GRID, NO_POLICY, POLICIES, SAMPLINGS, PolicySpec, SweepSpec

if TYPE_CHECKING:
    from typing import Any, Dict

MOST_TRIALS = 100_000
_MOST_RETRIES = 100


def flag_of(name: str) -> str:
    """Return the command-line option that a parameter is passed as: its name, with ``--`` unless it begins with ``-``.

    Example:
        >>> flag_of("--alpha"), flag_of("alpha")
        ('--alpha', '--alpha')
    """
    return name if name.startswith("-") else f"--{name}"


def check_sweep(spec: SweepSpec) -> SweepSpec:
    """Return ``spec`` if it is valid.

    Raises:
        UserErrorException: a value is out of range or contradicts another one.
    """
    if spec.sampling not in SAMPLINGS:
        raise UserErrorException(f"There is no sampling method '{spec.sampling}'. Available: {', '.join(SAMPLINGS)}.")
    if not spec.metric:
        raise UserErrorException("A sweep needs the name of the metric to optimize.")
    _check_whole("max_total_runs", spec.max_total_runs, 1, MOST_TRIALS)
    _check_whole("max_concurrent_runs", spec.max_concurrent_runs, 1, MOST_TRIALS)
    _check_whole("max_retries", spec.max_retries, 0, _MOST_RETRIES)
    if not (math.isfinite(spec.max_duration_minutes) and spec.max_duration_minutes > 0):
        raise UserErrorException(f"max_duration_minutes must be above 0, not {spec.max_duration_minutes:g}.")
    check_space(spec.space, spec.sampling)
    _check_policy(spec.policy, spec.sampling)
    for parameters in spec.first:
        if _parsed(parameters).keys() != _parsed(spec.space).keys():
            raise UserErrorException(f"The parameters {parameters}, to be tried first, are not those of the space.")
    _check_whole("begun", spec.begun, 0, None)
    return spec


def check_space(space: str, sampling: str) -> None:
    """Raise an error if a parameter space cannot be sampled.

    Args:
        space: the space, as JSON.
        sampling: the sampling method.

    Raises:
        UserErrorException: the space is empty, two parameters have the same option, or an expression makes no sense.
    """
    parameters = _parsed(space)
    if not parameters:
        raise UserErrorException(
            "The parameter space is empty, so all trials would be the same. Add at least one parameter, "
            "e.g. {'--alpha': uniform(0, 1)}."
        )
    flags: Dict[str, str] = {}
    for name, expression in parameters.items():
        if not name.strip("- ") or any(char.isspace() for char in name) or "=" in name or "\0" in name:
            raise UserErrorException(
                f"Parameter {name!r} cannot be an option of a script. Use a name such as '--learning-rate'."
            )
        other = flags.setdefault(flag_of(name), name)
        if other != name:
            raise UserErrorException(f"Parameters '{other}' and '{name}' are the same option. Remove one.")
        check_expression(expression)
        if sampling == GRID and name_of(expression) not in ("choice", None):
            raise UserErrorException(
                f"Grid sampling tries every value, and parameter '{name}' is {name_of(expression)}. "
                "Use choice, or another sampling method."
            )


def _parsed(space: str) -> Dict[str, Any]:
    try:
        parameters = json.loads(space)
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise UserErrorException("The parameter space must be a JSON object: name to value or expression.")
    return parameters


def _check_policy(policy: PolicySpec, sampling: str) -> None:
    if policy.name not in (NO_POLICY, *POLICIES):
        raise UserErrorException(
            f"There is no early termination policy '{policy.name}'.{did_you_mean(policy.name, POLICIES)}"
        )
    if policy.name != NO_POLICY and sampling == BAYESIAN:
        raise UserErrorException(
            "Bayesian sampling has no early termination policy: it learns from the last values of all trials. "
            "Remove the policy, or use random sampling."
        )
    _check_whole("evaluation_interval", policy.evaluation_interval, 1, None)
    _check_whole("delay_evaluation", policy.delay_evaluation, 0, None)
    _check_whole("truncation_percentage", policy.truncation_percentage, 1, 99)
    _check_whole("reduction_factor", policy.reduction_factor, 2, None)
    if policy.name == BANDIT and (policy.slack_factor is None) == (policy.slack_amount is None):
        raise UserErrorException("A bandit policy needs either slack_factor or slack_amount.")


def _check_whole(name: str, value: int, least: int, most: Any) -> None:
    if value < least or (most is not None and value > most):
        span = f"at least {least}" if most is None else f"{least} to {most}"
        raise UserErrorException(f"{name} must be {span}, not {value}.")
