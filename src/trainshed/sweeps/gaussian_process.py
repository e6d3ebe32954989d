"""A Gaussian process on numpy alone, for a few hundred points in the unit cube, and where it expects to improve.

The covariance is Matérn's (5/2) with a length for each coordinate; lengths and noise are the most probable ones,
found by following the gradient from two starts. Improvement is the logarithm of its expectation (Ament et al., 2023:
"Unexpected improvements to expected improvement").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainshed.sweeps.space import Dimension, Options

Array = npt.NDArray[np.float64]
_ROOT5 = math.sqrt(5)
_FITTED = 80
"""Points to which lengths are fitted: the best ones, and others at random."""
_STEPS = 35
_NUGGET = 1e-8
_CLIPPED = 2.0
"""A smaller number sees more of what is near the optimum, and less of where else to look."""
_CANDIDATES, _KEPT, _AROUND = 1200, 8, 40
_WIDTHS = (0.1, 0.05, 0.02, 0.01, 0.004, 0.0015, 0.0005)
_RETURNED = 50
_LEARNING, _SETTLING = 10, 3
"""After so many points for each parameter, one in so many is where the cost is expected to be least, however certain
that is: improvement alone keeps looking elsewhere, and the last digits of the optimum are not found."""


class Layout(NamedTuple):
    """How positions in the unit cube become coordinates: an unordered choice has one for each option.

    Attributes:
        levels: for each parameter the positions of its values, or None for any.
        ordered: for each parameter whether its values have an order.
    """

    levels: Sequence[Array | None]
    ordered: Sequence[bool]

    @staticmethod
    def of(dimensions: Sequence[Dimension]) -> Layout:
        """Return the layout of a space."""
        levels = [None if each.levels is None else np.array(each.levels) for each in dimensions]
        return Layout(levels, [_is_ordered(each) for each in dimensions])

    def snapped(self, units: Array) -> Array:
        """Return the positions of the values that are nearest to positions."""
        found: Array = units.copy()
        for column, levels in enumerate(self.levels):
            if levels is not None:
                middles = (levels[1:] + levels[:-1]) / 2
                found[:, column] = levels[np.searchsorted(middles, units[:, column])]
        return found

    def coordinates(self, units: Array) -> Array:
        """Return the coordinates of positions of values."""
        columns: list[Array] = []
        for column, (levels, ordered) in enumerate(zip(self.levels, self.ordered, strict=True)):
            if ordered or levels is None:
                columns.append(units[:, column : column + 1])
            else:
                columns.append((np.abs(units[:, column : column + 1] - levels) < 1e-9).astype(np.float64) * 0.7)
        joined: Array = np.hstack(columns)
        return joined

    def near(self, units: Array, width: float, dice: np.random.Generator) -> Array:
        """Return positions near others: numbers change a little, and sometimes an unordered choice is another."""
        count, columns = units.shape
        moved = dice.random(units.shape) < max(0.5, 1 / columns)
        found = np.where(moved, units + dice.normal(0, width, units.shape), units)
        for column, ordered in enumerate(self.ordered):
            levels = self.levels[column]
            if levels is not None:
                # A step of less than one value would change nothing.
                share = 0.2 if not ordered else min(0.5, 0.1 + width)
                other = dice.random(count) < share
                found[:, column] = np.where(other, dice.random(count), units[:, column])
        return self.snapped(np.clip(found, 0, 1))


def _is_ordered(dimension: Dimension) -> bool:
    if not isinstance(dimension, Options):
        return True
    values = dimension.values
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return numbers and (values == sorted(values) or values == sorted(values, reverse=True))


class Process(NamedTuple):
    """A fitted process.

    Attributes:
        points: coordinates of the points.
        lengths: length of each coordinate.
        factor: inverse of the Cholesky factor of the points' covariance.
        weights: of the points in the mean.
        scale: variance.
    """

    points: Array
    lengths: Array
    factor: Array
    weights: Array
    scale: float

    @staticmethod
    def of(points: Array, costs: Array, theta: Array) -> Process:
        """Return the process with given logarithms of lengths and, last, noise."""
        lengths = np.exp(theta[:-1])
        covariance = _matern(_distances(points / lengths, points / lengths))
        covariance[np.diag_indices_from(covariance)] += math.exp(theta[-1]) + _NUGGET
        factor = np.linalg.inv(np.linalg.cholesky(covariance))
        weights = factor.T @ (factor @ costs)
        return Process(points, lengths, factor, weights, max(float(costs @ weights) / len(costs), 1e-12))

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points."""
        covariance = _matern(_distances(points / self.lengths, self.points / self.lengths))
        spread = 1 - ((self.factor @ covariance.T) ** 2).sum(0)
        return covariance @ self.weights, np.sqrt(self.scale * np.maximum(spread, 1e-14))


def suggest(
    layout: Layout,
    points: Sequence[Sequence[float]],
    costs: Sequence[float],
    pending: Sequence[Sequence[float]],
    seed: int,
) -> Array:
    """Return positions in the unit cube at which the cost may become smaller, the most promising first.

    Args:
        layout: of the space.
        points: positions of known costs; at least one.
        costs: the costs.
        pending: positions whose costs are to come.
        seed: the same one gives the same positions.
    """
    dice = np.random.default_rng(seed)
    units = layout.snapped(np.array(points, dtype=np.float64))
    scaled = _scaled(np.array(costs, dtype=np.float64))
    known = layout.coordinates(units)
    theta = _fitted(known, scaled, dice)
    process = Process.of(known, scaled, theta)
    if pending:
        waiting = layout.coordinates(layout.snapped(np.array(pending, dtype=np.float64)))
        expected, _ = process.predict(waiting)
        process = Process.of(np.vstack([known, waiting]), np.append(scaled, expected), theta)
    top, lowest = units[np.argsort(scaled, kind="stable")[:5]], float(scaled.min())
    count = len(points) + len(pending)
    settles = count >= _LEARNING * units.shape[1] and count % _SETTLING == 0
    return _improved(layout, process, top, None if settles else lowest, dice)


def _scaled(costs: Array) -> Array:
    """Return costs of mean 0 and variance 1, without the very large ones, which would hide all others."""
    costs = costs / max(float(np.abs(costs).max()), 1e-300)  # squares of larger numbers have no place
    middle = np.median(costs)
    clipped = np.minimum(costs, middle + _CLIPPED * (middle - costs.min()) + 1e-12)
    spread = clipped.std()
    scaled: Array = (clipped - clipped.mean()) / (spread if spread > 1e-12 else 1.0)
    return scaled


def _distances(first: Array, second: Array) -> Array:
    """Return the squares of the distances of all pairs of rows."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)[None, :] - 2 * first @ second.T
    found: Array = np.maximum(squares, 0.0)
    return found


def _matern(squares: Array) -> Array:
    root = _ROOT5 * np.sqrt(squares)
    found: Array = (1 + root + root * root / 3) * np.exp(-root)
    return found


def _fitted(points: Array, costs: Array, dice: np.random.Generator) -> Array:
    """Return the most probable logarithms of the lengths and, last, of the noise."""
    if len(points) > _FITTED:
        order = np.argsort(costs, kind="stable")
        others = dice.permutation(order[_FITTED // 2 :])[: _FITTED - _FITTED // 2]
        chosen = np.sort(np.concatenate([order[: _FITTED // 2], others]))
        points, costs = points[chosen], costs[chosen]
    differences = ((points[:, None, :] - points[None, :, :]) ** 2).transpose(2, 0, 1).reshape(points.shape[1], -1)
    found = [_climbed(differences, costs, np.full(points.shape[1], math.log(start))) for start in (0.3, 1.0)]
    return min(found, key=lambda pair: pair[0])[1]


def _climbed(differences: Array, costs: Array, lengths: Array) -> tuple[float, Array]:
    """Follow the gradient with a step of its own for each parameter (Rprop); return the best point and its loss."""
    theta = np.append(lengths, math.log(1e-4))
    steps, last = np.full(len(theta), 0.3), np.zeros(len(theta))
    lowest, found = math.inf, theta
    for _ in range(_STEPS):
        loss, gradient = _loss(differences, costs, theta)
        if loss < lowest:
            lowest, found = loss, theta
        agree = np.sign(gradient * last)
        steps = np.clip(np.where(agree > 0, steps * 1.3, np.where(agree < 0, steps * 0.5, steps)), 1e-3, 1.0)
        theta = np.clip(theta - np.sign(gradient) * steps, -16.0, 4.0)
        last = gradient
    return lowest, found


def _loss(differences: Array, costs: Array, theta: Array) -> tuple[float, Array]:
    """Return the negative logarithm of the probability of lengths and noise, and its gradient."""
    count = len(costs)
    weights = np.exp(-2 * theta[:-1])
    root = _ROOT5 * np.sqrt(np.maximum(weights @ differences, 0.0)).reshape(count, count)
    decay = np.exp(-root)
    covariance = (1 + root + root * root / 3) * decay
    noise = math.exp(theta[-1])
    covariance[np.diag_indices(count)] += noise + _NUGGET
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return math.inf, np.append(np.ones(len(theta) - 1), -1.0)  # shorter lengths and more noise
    inverse = np.linalg.inv(covariance)
    alpha = inverse @ costs
    scale = max(float(costs @ alpha) / count, 1e-12)
    outer = 0.5 * (inverse - np.outer(alpha, alpha) / scale)
    slope = (outer * (5 / 3) * (1 + root) * decay).ravel()
    gradient = np.append((differences @ slope) * weights, np.trace(outer) * noise)
    # What is probable before anything is known: lengths of about half the cube, and little noise.
    off = np.append((theta[:-1] - math.log(0.5)) / 0.9**2, (theta[-1] + 9) / 2.0**2)
    prior = 0.5 * float((off * np.append(theta[:-1] - math.log(0.5), theta[-1] + 9)).sum())
    loss = 0.5 * count * math.log(scale) + float(np.log(np.diag(factor)).sum()) + prior
    return loss, gradient + off


def _improved(layout: Layout, process: Process, top: Array, lowest: float | None, dice: np.random.Generator) -> Array:
    """Return positions by their expected improvement on the lowest cost, or by their expected costs, best first.

    They are random ones, then others ever nearer to the best of these.
    """

    def gain(units: Array) -> Array:
        mean, spread = process.predict(layout.coordinates(units))
        return -mean if lowest is None else _log_improvement(mean, spread, lowest)

    columns = top.shape[1]
    random = layout.snapped(dice.random((_CANDIDATES, columns)))
    around = [layout.near(np.repeat(top, 60, 0), width, dice) for width in (0.1, 0.02)]
    units = np.vstack([random, *around])
    gains = gain(units)
    for width in _WIDTHS:
        order = np.argsort(-gains, kind="stable")[:_KEPT]
        units, gains = units[order], gains[order]
        more = layout.near(np.repeat(units, _AROUND, 0), width, dice)
        units, gains = np.vstack([units, more]), np.append(gains, gain(more))
    return units[np.argsort(-gains, kind="stable")[:_RETURNED]]


def _log_improvement(mean: Array, spread: Array, lowest: float) -> Array:
    z = (lowest - mean) / spread
    tail = np.fromiter(map(math.erfc, (-z / math.sqrt(2)).tolist()), np.float64, len(z)) / 2
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    near = np.log(np.maximum(density + z * tail, 1e-300))
    away = np.minimum(z, -1.0)
    far = -away * away / 2 - 0.5 * math.log(2 * math.pi) - 2 * np.log(-away) + np.log1p(-3 / np.maximum(away**2, 4.0))
    found: Array = np.where(z < -6, far, near) + np.log(spread)
    return found
