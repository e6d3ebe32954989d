"""Sampling methods of sweeps: how the parameters of the next run are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from trainshed.errors import HyperDriveConfigException
from trainshed.spec.expressions import name_of


class HyperParameterSampling:
    """Base class of sampling methods.

    Args:
        sampling_method_name: name of the sampling method, as SDK v1 stores it.
        parameter_space: name or flag of a parameter → expression such as ``choice(16, 32)``.
        properties: further settings of the sampling method.
        supported_distributions: names of the expressions that the method supports. Default: all, and plain values.
        distributions_validators: name of an expression → function that checks its arguments, and raises if they are
            invalid.

    Raises:
        HyperDriveConfigException: ``parameter_space`` is not a dict, or has an expression that the sampling method does
            not support.

    Example:
        >>> HyperParameterSampling("RANDOM", {"--alpha": 1}).parameter_space
        {'--alpha': 1}
    """

    SAMPLING_NAME: ClassVar[str] = ""
    _OTHERWISE: ClassVar[str] = ""
    """What else can be done about an expression that the sampling method does not support."""

    def __init__(
        self,
        sampling_method_name: str,
        parameter_space: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        supported_distributions: Iterable[str] | None = None,
        distributions_validators: Mapping[str, Callable[[Any], object]] | None = None,
    ) -> None:
        kind = type(self).__name__
        if not isinstance(parameter_space, Mapping):
            raise HyperDriveConfigException(
                f"{kind}: parameter_space must be a dict such as {{'--alpha': uniform(0, 1)}}, "
                f"not {type(parameter_space).__name__}."
            )
        supported = list(supported_distributions or ())
        for name, expression in parameter_space.items():
            found = name_of(expression)
            if supported and found not in supported:
                raise HyperDriveConfigException(
                    f"{kind}: parameter '{name}' is {found or repr(expression)}; "
                    f"it must be one of {', '.join(supported)}.{self._OTHERWISE}"
                )
            if found is not None and found in (distributions_validators or {}):
                (distributions_validators or {})[found](expression[1])
        self._name = sampling_method_name
        self._parameter_space = dict(parameter_space)
        self._properties = dict(properties or {})

    @property
    def parameter_space(self) -> dict[str, Any]:
        """Parameter name → expression (Trainshed extension)."""
        return dict(self._parameter_space)

    @property
    def properties(self) -> dict[str, Any]:
        """Further settings of the sampling method (Trainshed extension)."""
        return dict(self._properties)

    def to_json(self) -> dict[str, Any]:
        """Return the sampling method as a JSON-serializable dict with its name, parameter space and properties."""
        sampling = {"name": self._name, "parameter_space": self.parameter_space}
        return {**sampling, "properties": self.properties} if self._properties else sampling

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parameter_space!r})"


class RandomParameterSampling(HyperParameterSampling):
    """Random sampling.

    Args:
        parameter_space: parameter name → any expression, or a plain value.
        properties: ``{"seed": int}`` makes the sampling reproducible.

    Example:
        >>> from trainshed.api.hyperdrive import RandomParameterSampling, choice, uniform
        >>> RandomParameterSampling({"--alpha": uniform(0, 1), "--batch-size": choice(16, 32)}).SAMPLING_NAME
        'RANDOM'
    """

    SAMPLING_NAME = "RANDOM"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties)


class GridParameterSampling(HyperParameterSampling):
    """Grid sampling: all combinations of the parameters' values.

    Args:
        parameter_space: parameter name → ``choice(…)``.
        properties: ``{"seed": int}`` is accepted, as by the others.

    Example:
        >>> GridParameterSampling({"--layers": choice(1, 2, 3)}).SAMPLING_NAME
        'GRID'
    """

    SAMPLING_NAME = "GRID"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, ("choice",))


class BayesianParameterSampling(HyperParameterSampling):
    """Bayesian sampling: picks the parameters most likely to improve on earlier runs. Supports no early termination.

    Args:
        parameter_space: parameter name → ``choice(…)``, ``uniform(…)`` or ``quniform(…)``.
        properties: ``{"seed": int}`` makes the sampling reproducible. ``{"all_expressions": True}`` allows every
            expression (Trainshed extension).

    Example:
        >>> BayesianParameterSampling({"--alpha": uniform(0, 1)}).SAMPLING_NAME
        'BayesianOptimization'
    """

    SAMPLING_NAME = "BayesianOptimization"
    _OTHERWISE = " For any expression, pass properties={'all_expressions': True}, which SDK v1 did not have."

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        supported = () if (properties or {}).get("all_expressions") else ("choice", "uniform", "quniform")
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, supported)
