"""A sweep in HTML without a script: progress, best so far, what mattered, parallel coordinates, the best trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

from trainshed.service.context import ServiceContext
from trainshed.service.page.fragment_charts import Line, part, plot, shown
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


def sweep(context: ServiceContext, run_id: str, link: Callable[[str, str], str]) -> list[str]:
    """Return the parts of a sweep.

    Args:
        context: the service's parts.
        run_id: the sweep's run.
        link: makes a link of the id of a run and a text.
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
    return [*made, _table(spec, found["axes"], (ranked + others)[:_ROWS], link)] if trials else made


def _progress(spec: dict[str, Any], trials: list[dict[str, Any]]) -> str:
    counts = {state: sum(trial["state"] == state for trial in trials) for state in _COLORS}
    whole = max(spec["most"], len(trials), 1)
    bar = "".join(
        f'<i style="flex:0 0 {100 * count / whole:.2f}%;background:var({_COLORS[state]})"></i>'
        for state, count in counts.items() if count
    )  # fmt: skip
    words = ", ".join(f"{count} {_STATES[state][1].lower()}" for state, count in counts.items() if count)
    goal = f"{'maximize' if spec['maximize'] else 'minimize'} {spec['metric']}"
    text = f"<b>{len(trials)}</b> of at most {spec['most']} trials{f' ({words})' if words else ''}; {escape(goal)}"
    return f'<div class="c wide prog"><span class="tri">{bar}</span><span>{text}</span></div>'


def _best(spec: dict[str, Any], valued: list[dict[str, Any]], winner: dict[str, Any]) -> str:
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
    first, last = x[0], max(x[-1], valued[-1]["number"])
    dots = []
    for trial in valued[::step]:
        across = 300 * (trial["number"] - first) / ((last - first) or 1)
        down = 96 - 96 * (min(max(trial["best"], low), high) - low) / ((high - low) or 1)
        color = "--c2" if trial is winner else _COLORS[trial["state"]] if trial["state"] in "sr" else "--c1"
        # A line of no length with round ends is a dot, however the box is stretched.
        shape = f'<polyline points="{across:.1f},{down:.1f} {across:.1f},{down:.1f}"'
        dots.append(
            f'{shape} style="stroke:var({color});stroke-width:{7 if trial is winner else 5};stroke-linecap:round"/>'
        )
    about = f"<span>{escape(spec['metric'])}, by trial: {shown(winner['best'])}, trial {winner['number']}</span>"
    return part("Best so far", plot([Line("", x, y)], "".join(dots), (low, high)), about)


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


def _mattered(importance: dict[str, Any]) -> str:
    shares = importance["shares"]
    if not shares:
        return part("What mattered", '<p class="none">Shows up after 10 trials with a value have ended.</p>')
    most = max(*(share for _, share, _, _ in shares), 0.01)
    rows = "".join(
        f'<span title="{escape(name)}">{escape(name)}</span>'
        f'<span><i style="width:{100 * share / most:.0f}%"></i></span>'
        f'<span class="num">{100 * share:.0f} %</span>'
        for name, share, _, _ in shares[:8]
    )
    about = f"<span>share of the variance, {importance['trials']} trials</span>"
    return part("What mattered", f'<div class="im">{rows}</div>', about)


def _parallel(spec: dict[str, Any], axes: list[dict[str, Any]], ranked: list[dict[str, Any]]) -> str:
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
        color = f"stroke:{_ramp(height if spec['maximize'] else 1 - height)}"
        kind = 'class="best"' if trial is ranked[0] else f'style="{color}"'
        lines.append(f'<polyline points="{points}" {kind}/>')
    places = (f"{i * _WIDE / len(axes):.1f}" for i in range(len(axes) + 1))
    rules = "".join(f'<polyline points="{x},0 {x},{_HIGH}" style="stroke:var(--line2)"/>' for x in places)
    box = f'<svg class="pc" viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" preserveAspectRatio="none" aria-hidden="true">'
    names = _spans([*(axis["name"] for axis in axes), spec["metric"]])
    tops = _spans([*(_end(axis, reach, 1) for axis, reach in zip(axes, reaches, strict=True)), shown(high)])
    ends = _spans([*(_end(axis, reach, 0) for axis, reach in zip(axes, reaches, strict=True)), shown(low)])
    body = (
        f'<div class="axes">{names}</div><div class="axes ends">{tops}</div>{box}{rules}{"".join(lines)}</svg>'
        f'<div class="axes ends">{ends}</div>'
    )
    return part(f"Parameters and {spec['metric']}", body, "<span>the best trial is marked</span>", "wide")


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


def _spans(texts: list[str]) -> str:
    return "".join(f'<span title="{escape(text)}">{escape(text)}</span>' for text in texts)


def _table(spec: dict[str, Any], axes: list[Any], trials: list[dict[str, Any]], link: Callable[[str, str], str]) -> str:
    heads = ["Trial", "Status", spec["metric"], *(axis["name"] for axis in axes)]
    rows = []
    for place, trial in enumerate(trials):
        kind, word = _STATES[trial["state"]]
        stopped = f"<small>at interval {trial['stopped']}</small>" if trial["state"] == "s" else ""
        cells = [
            link(trial["id"], f"trial {trial['number']}"),
            f'<span class="st {kind}"><i></i>{word}{stopped}</span>',
            "" if trial["best"] is None else escape(shown(trial["best"])),
            *(escape(_value(axis, trial["values"][i])) for i, axis in enumerate(axes)),
        ]
        best = ' class="best"' if place == 0 and trial["best"] is not None else ""
        rows.append(f"<tr{best}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    return part(
        "Trials, best first", f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>', "", "wide"
    )


def _value(axis: dict[str, Any], value: Any) -> str:
    return "" if value is None else str(axis["choice"][value]) if "choice" in axis else shown(value)
