"""A sweep as parts without a script: progress, best so far, what mattered, parallel coordinates, the best trials."""

from __future__ import annotations

import math
from typing import Any

from trainshed.service.context import ServiceContext
from trainshed.service.page.fragment_charts import Dot, Line, Part, plot, shown
from trainshed.service.page.sweep import screen

_ROWS = 50
_LINES = 300
_POINTS = 1000
_WIDE, _HIGH = 600.0, 180.0
_STATES = {
    "c": ("completed", "Completed"),
    "s": ("stopped", "Stopped early"),
    "f": ("failed", "Failed"),
    "x": ("canceled", "Canceled"),
    "r": ("running", "Running"),
    "p": ("queued", "Not yet running"),
    "n": ("notstarted", "No run"),
}
_COLORS = {"c": "--ok", "s": "--off", "f": "--bad", "x": "--off", "r": "--run", "p": "--warn"}


def sweep(context: ServiceContext, run_id: str) -> list[Part]:
    """Return the parts of a sweep.

    Args:
        context: the service's parts.
        run_id: the sweep's run.
    """
    found = screen(context, run_id)
    spec, columns = found["sweep"], found["trials"]
    trials = [
        {"number": number, "state": columns["state"][i], "best": columns["best"][i], "stopped": columns["stopped"][i],
         "values": [column[i] for column in columns["values"]], "id": columns["ids"].get(number, f"{run_id}_{number}")}
        for i, number in enumerate(columns["number"])
    ]  # fmt: skip
    sign = -1 if spec["maximize"] else 1
    valued = [trial for trial in trials if trial["best"] is not None and math.isfinite(trial["best"])]
    ranked = sorted(valued, key=lambda each: (sign * each["best"], each["number"]))
    made = [_progress(spec, trials)]
    if ranked:
        made.append(_best(spec, valued, ranked[0]))
        made.append(_mattered(found["importance"]))
    if len(ranked) > 1 and found["axes"]:
        made.append(_parallel(spec, found["axes"], ranked))
    others = [trial for trial in reversed(trials) if trial not in valued] if len(trials) <= _ROWS else []
    return [*made, _table(spec, found["axes"], (ranked + others)[:_ROWS])] if trials else made


def _progress(spec: dict[str, Any], trials: list[dict[str, Any]]) -> Part:
    counts = {state: sum(trial["state"] == state for trial in trials) for state in _COLORS}
    whole = max(spec["most"], len(trials), 1)
    bar = [(f"{100 * count / whole:.2f}", _COLORS[state]) for state, count in counts.items() if count]
    words = ", ".join(f"{count} {_STATES[state][1].lower()}" for state, count in counts.items() if count)
    goal = f"{'maximize' if spec['maximize'] else 'minimize'} {spec['metric']}"
    text = f"of at most {spec['most']} trials{f' ({words})' if words else ''}; {goal}"
    return Part("", "progress", {"bar": bar, "count": len(trials), "text": text})


def _best(spec: dict[str, Any], valued: list[dict[str, Any]], winner: dict[str, Any]) -> Part:
    step = max(len(valued) // _POINTS, 1)
    best: list[float] = []
    for trial in valued:
        best.append((max if spec["maximize"] else min)(trial["best"], best[-1]) if best else trial["best"])
    # Each step has two points: the line is level up to the trial that was better.
    x: list[float] = []
    y: list[float] = []
    for at in range(0, len(valued), step):
        if y and best[at] != y[-1]:
            x.append(valued[at]["number"])
            y.append(y[-1])
        x.append(valued[at]["number"])
        y.append(best[at])
    low, high = bounds([trial["best"] for trial in valued], spec["maximize"])
    dots = []
    for trial in valued[::step]:
        color = "--c2" if trial is winner else _COLORS[trial["state"]] if trial["state"] in "sr" else "--c1"
        dots.append(Dot(trial["number"], trial["best"], color, 7 if trial is winner else 5))
    about = f"{spec['metric']}, by trial: {shown(winner['best'])}, trial {winner['number']}"
    return Part("Best so far", "plot", plot([Line("", x, y)], dots, (low, high)), about)


def bounds(values: list[float], maximize: bool) -> tuple[float, float]:
    """Return how far an axis of the metric reaches: a few values far out do not press all others together.

    Args:
        values: at least one.
        maximize: whether larger is better; the best is always within.

    Example:
        >>> bounds([0.1, 0.2, 0.3, 0.4, 1e9], maximize=False)
        (0.1, 1.0)
    """
    ordered = sorted(values)
    lower, upper = ordered[(len(ordered) - 1) // 4], ordered[3 * (len(ordered) - 1) // 4]
    reach = 3 * (upper - lower)
    low, high = max(ordered[0], lower - reach), min(ordered[-1], upper + reach)
    return (low, ordered[-1]) if maximize else (ordered[0], high)


def _mattered(importance: dict[str, Any]) -> Part:
    shares = importance["shares"]
    if not shares:
        return Part("What mattered", "note", "Shows up after 10 trials with a value have ended.")
    most = max(*(share for _, share, _, _ in shares), 0.01)
    rows = [(name, f"{100 * share / most:.0f}", f"{100 * share:.0f}") for name, share, _, _ in shares[:8]]
    return Part("What mattered", "mattered", rows, f"share of the variance, {importance['trials']} trials")


def _parallel(spec: dict[str, Any], axes: list[dict[str, Any]], ranked: list[dict[str, Any]]) -> Part:
    low, high = bounds([trial["best"] for trial in ranked], spec["maximize"])
    reaches = [_reach(axis, [trial["values"][i] for trial in ranked]) for i, axis in enumerate(axes)]
    lines = []
    step = max(len(ranked) // _LINES, 1)
    for trial in reversed(ranked[::step]):
        units = [_unit(axis, reaches[i], trial["values"][i]) for i, axis in enumerate(axes)]
        height = (min(max(trial["best"], low), high) - low) / ((high - low) or 1)
        across = _WIDE / len(axes)
        at = [(i * across, unit) for i, unit in enumerate([*units, height]) if unit is not None]
        points = " ".join(f"{x:.1f},{_HIGH * (1 - min(max(unit, 0), 1)):.1f}" for x, unit in at)
        color = "" if trial is ranked[0] else _ramp(height if spec["maximize"] else 1 - height)
        lines.append({"points": points, "color": color})
    places = (f"{i * _WIDE / len(axes):.1f}" for i in range(len(axes) + 1))
    data = {
        "box": f"{_WIDE:.0f} {_HIGH:.0f}",
        "names": [*(axis["name"] for axis in axes), spec["metric"]],
        "tops": [*(_end(axis, reach, 1) for axis, reach in zip(axes, reaches, strict=True)), shown(high)],
        "lows": [*(_end(axis, reach, 0) for axis, reach in zip(axes, reaches, strict=True)), shown(low)],
        "rules": [f"{x},0 {x},{_HIGH}" for x in places],
        "lines": lines,
    }
    return Part(f"Parameters and {spec['metric']}", "parallel", data, "the best trial is marked", wide=True)


def _ramp(part_of: float) -> str:
    """Return a color from that of the worst to that of the best."""
    first, second = ("--r1", "--r2") if part_of < 0.5 else ("--r2", "--r3")
    return f"color-mix(in oklab,var({second}) {round(200 * part_of) % 100 if part_of < 1 else 100}%,var({first}))"


def _reach(axis: dict[str, Any], values: list[Any]) -> tuple[float, float]:
    if "choice" in axis:
        return 0.0, max(len(axis["choice"]) - 1, 1)
    numbers = [value for value in values if value is not None]
    return axis.get("low", min(numbers, default=0.0)), axis.get("high", max(numbers, default=1.0))


def _unit(axis: dict[str, Any], reach: tuple[float, float], value: float | None) -> float | None:
    low, high = reach
    if value is None or (axis.get("log") and min(low, value) <= 0):
        return None
    if axis.get("log"):
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / ((high - low) or 1)


def _end(axis: dict[str, Any], reach: tuple[float, float], which: int) -> str:
    return str(axis["choice"][-1 if which else 0]) if "choice" in axis else shown(float(reach[which]))


def _table(spec: dict[str, Any], axes: list[Any], trials: list[dict[str, Any]]) -> Part:
    rows = []
    for place, trial in enumerate(trials):
        kind, word = _STATES[trial["state"]]
        best = "" if trial["best"] is None else shown(trial["best"])
        rows.append(
            {
                "id": trial["id"],
                "name": f"trial {trial['number']}",
                "kind": kind,
                "word": word,
                "hint": f"at interval {trial['stopped']}" if trial["state"] == "s" else "",
                "cells": [best, *(_value(axis, trial["values"][i]) for i, axis in enumerate(axes))],
                "top": place == 0 and trial["best"] is not None,
            }
        )
    heads = ["Trial", "Status", spec["metric"], *(axis["name"] for axis in axes)]
    return Part("Trials, best first", "trials", {"heads": heads, "rows": rows}, wide=True)


def _value(axis: dict[str, Any], value: Any) -> str:
    return "" if value is None else str(axis["choice"][value]) if "choice" in axis else shown(value)
