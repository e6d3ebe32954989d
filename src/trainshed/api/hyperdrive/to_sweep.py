"""Conversion of a HyperDriveConfig to the specification of a sweep."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from trainshed.api.hyperdrive.policy import EarlyTerminationPolicy
from trainshed.errors import HyperDriveConfigException, UserErrorException
from trainshed.spec import sweep
from trainshed.spec.sweep import PolicySpec, SweepSpec
from trainshed.spec.sweep_checks import check_sweep


def to_sweep(config: Any, max_retries: Any = 0) -> SweepSpec:
    """Return the specification of a sweep.

    Args:
        config: the HyperDriveConfig.
        max_retries: how often a trial is repeated that failed for a reason outside of its script.

    Raises:
        HyperDriveConfigException: a number is out of range, or the parameter space cannot be sampled.
    """
    sampling = _own_name(config._sampling._name, sweep.SAMPLINGS)
    if sampling is None:
        raise HyperDriveConfigException(
            f"{type(config._sampling).__name__} cannot be used: there is no sampling method "
            f"'{config._sampling._name}'. Use RandomParameterSampling, GridParameterSampling or "
            "BayesianParameterSampling."
        )
    if isinstance(max_retries, bool) or not isinstance(max_retries, int):
        raise HyperDriveConfigException(f"submit(): max_retries must be a whole number, not {max_retries!r}.")
    policy = PolicySpec() if sampling == sweep.BAYESIAN else policy_spec(config._policy)
    found = SweepSpec(
        sampling=sampling,
        space=_space(config._sampling.parameter_space),
        metric=config._primary_metric_name,
        maximize=config._primary_metric_goal.value == "MAXIMIZE",
        max_total_runs=config._max_total_runs,
        max_concurrent_runs=min(config._max_concurrent_runs, config._max_total_runs),
        max_duration_minutes=float(config._max_duration_minutes),
        policy=policy,
        seed=_seed(config._sampling.properties),
        resume_from=tuple(run.id for run in config._resume_from),
        resume_trials=tuple(run.id for run in config._resume_child_runs),
        max_retries=max_retries,
    )
    try:
        check_sweep(found)
    except UserErrorException as error:
        raise HyperDriveConfigException(f"HyperDriveConfig: {error.message}") from None
    for run in config._resume_child_runs:
        _share_outputs(run)
    return found


def _share_outputs(run: Any) -> None:
    """Copy the outputs of a run to where the scripts of other runs can read them."""
    with tempfile.TemporaryDirectory() as folder:
        run.download_files("outputs/", folder, append_prefix=False)
        store: Any = run.experiment.workspace.datastores[sweep.RESUMED_ON]
        store.upload(folder, target_path=sweep.resumed_path(run.id), overwrite=True, show_progress=False)


def policy_spec(policy: EarlyTerminationPolicy) -> PolicySpec:
    """Return the specification of an early termination policy.

    Raises:
        HyperDriveConfigException: there is no policy of its name.

    Example:
        >>> policy_spec(BanditPolicy(slack_amount=1)).slack_amount
        1.0
    """
    name = _own_name(policy._name, {sweep.NO_POLICY: "Default", **sweep.POLICIES})
    if name is None:
        names = ", ".join(f"{each}Policy" for each in sweep.POLICIES.values())
        raise HyperDriveConfigException(
            f"{type(policy).__name__} cannot be used: there is no policy '{policy._name}'. Use one of {names}."
        )
    given = {key: value for key, value in policy._properties.items() if key in PolicySpec._fields}
    for key in ("slack_factor", "slack_amount"):
        if given.get(key) is not None:
            given[key] = float(given[key])
    if name == sweep.TRUNCATION_SELECTION:
        given["exclude_finished"] = bool(getattr(policy, "exclude_finished_jobs", False))
    return PolicySpec(name, **given)


def _own_name(given: str, names: Mapping[str, str]) -> str | None:
    """Return our name of a sampling method or policy, given that or v1's."""
    return next((own for own, other in names.items() if given in (own, other)), None)


def _space(space: dict[str, Any]) -> str:
    for name in space:
        if not isinstance(name, str):
            raise HyperDriveConfigException(f"HyperDriveConfig: the parameter {name!r} must be a str, such as '--lr'.")
    try:
        return json.dumps(space, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise HyperDriveConfigException(
            f"HyperDriveConfig: a value in the parameter space cannot be passed to a script ({error}). "
            "Use numbers, strings, lists and dicts."
        ) from None


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _seed(properties: dict[str, Any]) -> int:
    seed = properties.get("seed")
    if seed is None:
        return int.from_bytes(os.urandom(4), "big")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise HyperDriveConfigException(f"properties: seed must be a whole number, not {seed!r}.")
    return seed
