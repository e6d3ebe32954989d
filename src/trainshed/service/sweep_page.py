"""A sweep on its page: the best run so far, parallel coordinates, and a table of the trials."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from trainshed.sweeps.space import Dimension, dimensions

_ROWS = 200
_LINES = 300
_AXIS, _HEIGHT, _TOP, _MARGIN = 130, 200, 24, 60
_NAME = 18

Trial = dict[str, Any]


def parts(found: dict[str, Any], link: Callable[[str], str]) -> list[str]:
    """Return the HTML of a sweep.

    Args:
        found: the sweep and its trials, as :meth:`trainshed.service.sweeps.SweepDriver.describe` returns them.
        link: makes a link of the id of a run.
    """
    spec, trials = found["sweep"], ranked(found["trials"], found["sweep"]["maximize"])
    if not trials:
        return []
    begun = f"<p>{len(trials)} of at most {spec['max_total_runs']} runs"
    first = trials[0]
    if first["best"] is not None:
        begun += f"; best {escape(spec['metric'])} so far: {first['best']:.6g}, {link(first['run_id'])}"
    return ["<h2>Sweep</h2>", f"{begun}</p>", coordinates(spec, trials), _table(spec, trials[:_ROWS], link)]


def link(run_id: str) -> str:
    """Return a link to a run, as seen from the page.

    Args:
        run_id: the run.
    """
    return f'<a href="runs/{quote(run_id, safe="")}">{escape(run_id)}</a>'


def ranked(trials: Sequence[Trial], maximize: bool) -> list[Trial]:
    """Return trials by their best value, best first; those without one last."""
    sign = -1 if maximize else 1
    return sorted(trials, key=lambda each: (each["best"] is None, sign * (each["best"] or 0.0), each["number"]))


def _table(spec: dict[str, Any], trials: Sequence[Trial], link: Callable[[str], str]) -> str:
    names = list(json.loads(spec["space"]))
    heads = ["Run", "Status", spec["metric"], *names]
    rows = []
    for each in trials:
        status = escape(each["status"] or "")
        stopped = "" if each["stopped_at"] is None else f" (stopped at {each['stopped_at']})"
        cells = [link(each["run_id"]), f'<span class="status {status}">{status}</span>{stopped}', _shown(each["best"])]
        cells += [_shown(each["parameters"].get(name)) for name in names]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _shown(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return escape(text if len(text) <= 80 else f"{text[:80]}…")


def coordinates(spec: dict[str, Any], trials: Sequence[Trial]) -> str:
    """Return parallel coordinates: an axis for each parameter and, last, the metric; a line for each trial.

    Args:
        spec: the sweep, as JSON.
        trials: its trials, best first. The best one is drawn last, in another color.
    """
    axes = {name: each for name, each in dimensions(spec["space"]).items() if each.size != 1}
    drawn = [each for each in trials if each["best"] is not None and math.isfinite(each["best"])][:_LINES]
    if not axes or len(drawn) < 2:
        return ""
    low, high = min(each["best"] for each in drawn), max(each["best"] for each in drawn)
    lines = [_line(axes, each, (each["best"] - low) / ((high - low) or 1)) for each in drawn]
    shapes = [f'<polyline points="{line}" opacity="0.35"/>' for line in reversed(lines[1:]) if line]
    shapes += [f'<polyline class="best" points="{lines[0]}"/>'] if lines[0] else []
    width = 2 * _MARGIN + len(axes) * _AXIS
    names = [*axes, spec["metric"]]
    labels = "".join(_axis(index, name) for index, name in enumerate(names))
    return f'<svg width="{width}" height="{_HEIGHT + 2 * _TOP}">{labels}{"".join(shapes)}</svg>'


def _axis(index: int, name: str) -> str:
    across = _MARGIN + index * _AXIS
    rule = f'<line x1="{across}" x2="{across}" y1="{_TOP}" y2="{_TOP + _HEIGHT}" stroke="#888"/>'
    short = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    return f'{rule}<text x="{across}" y="16" text-anchor="middle" font-size="12" fill="#888">{escape(short)}</text>'


def _line(axes: dict[str, Dimension], trial: Trial, score: float) -> str:
    """Return the points of a trial's line; none if its parameters are not of this space."""
    try:
        units = [axis.unit(trial["parameters"][name]) for name, axis in axes.items()]
    except (KeyError, ValueError):
        return ""
    places = [(_MARGIN + index * _AXIS, _TOP + (1 - unit) * _HEIGHT) for index, unit in enumerate([*units, score])]
    return " ".join(f"{across},{down:.1f}" for across, down in places)
