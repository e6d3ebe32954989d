"""How a sweep picks the parameters of its next run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from trainshed.errors import HyperDriveConfigException


class HyperParameterSampling:
    """A parameter space with a way to pick from it.

    Args:
        parameter_space: flag or name of a parameter → an expression such as ``choice(16, 32)``.
        properties: further settings of the way to pick.

    Raises:
        HyperDriveConfigException: a space that is no dict, or has an expression that this way cannot pick from.

    Example:
        >>> HyperParameterSampling({"--alpha": 1}).parameter_space
        {'--alpha': 1}
    """

    SAMPLING_NAME: ClassVar[str] = ""
    _EXPRESSIONS: ClassVar[tuple[str, ...]] = ()
    """The expressions it picks from; none: all of them, and plain values as well."""

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        kind = type(self).__name__
        if not isinstance(parameter_space, Mapping):
            raise HyperDriveConfigException(
                f"{kind}: parameter_space must be a dict such as {{'--alpha': uniform(0, 1)}}, "
                f"not {type(parameter_space).__name__}."
            )
        for name, expression in parameter_space.items():
            found = _name(expression)
            if self._EXPRESSIONS and found not in self._EXPRESSIONS:
                raise HyperDriveConfigException(
                    f"{kind}: the parameter '{name}' is {found or repr(expression)}; "
                    f"it must be one of {', '.join(self._EXPRESSIONS)}."
                )
        self._parameter_space = dict(parameter_space)
        self._properties = dict(properties or {})

    @property
    def parameter_space(self) -> dict[str, Any]:
        """Name of a parameter → its expression (ours)."""
        return dict(self._parameter_space)

    @property
    def properties(self) -> dict[str, Any]:
        """Further settings of the way to pick (ours)."""
        return dict(self._properties)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parameter_space!r})"


class RandomParameterSampling(HyperParameterSampling):
    """Picks at random.

    Args:
        parameter_space: name → any expression, or a plain value.
        properties: ``{"seed": int}`` makes it pick the same again.

    Example:
        >>> from trainshed.api.hyperdrive import RandomParameterSampling, choice, uniform
        >>> RandomParameterSampling({"--alpha": uniform(0, 1), "--batch-size": choice(16, 32)}).SAMPLING_NAME
        'RANDOM'
    """

    SAMPLING_NAME = "RANDOM"


class GridParameterSampling(HyperParameterSampling):
    """Goes through all combinations.

    Args:
        parameter_space: name → ``choice(…)``.
        properties: not used.

    Example:
        >>> GridParameterSampling({"--layers": choice(1, 2, 3)}).SAMPLING_NAME
        'GRID'
    """

    SAMPLING_NAME = "GRID"
    _EXPRESSIONS = ("choice",)


class BayesianParameterSampling(HyperParameterSampling):
    """Picks what the runs so far promise most of; no policy ends its runs early.

    Args:
        parameter_space: name → ``choice(…)``, ``uniform(…)`` or ``quniform(…)``.
        properties: not used.

    Example:
        >>> BayesianParameterSampling({"--alpha": uniform(0, 1)}).SAMPLING_NAME
        'BayesianOptimization'
    """

    SAMPLING_NAME = "BayesianOptimization"
    _EXPRESSIONS = ("choice", "uniform", "quniform")


def _name(expression: Any) -> str | None:
    """Return the name of an expression, or None for a plain value."""
    noted = isinstance(expression, list) and len(expression) == 2 and isinstance(expression[1], list)
    return expression[0] if noted and isinstance(expression[0], str) else None
