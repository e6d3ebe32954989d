"""What a run has logged, drawn in HTML without a script: curves, tables, confusion matrices, images."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from trainshed.errors import TrainshedError
from trainshed.service.context import ServiceContext
from trainshed.spec import layout
from trainshed.system.confined import parts_of
from trainshed.web.curves import Curves

_PLOTS = 12
_CARDS = 12
_VALUES = 100
_ROWS = 20
_CLASSES = 20
_PIXELS = 150
_COLORS = 10
_WIDE, _HIGH = 300.0, 96.0
_CHART_BYTES = 1 << 20
_IMAGE_BYTES = 512 << 10
_IMAGES_BYTES = 1 << 20
_IMAGES = 6
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))
_PICTURE = re.compile(r"(?i)\.(png|jpe?g|gif)$")
_KIND = "(train|training|val|valid|validation|test|eval)"
_BEFORE = re.compile(f"(?i){_KIND}[/_.-](.+)")
_AFTER = re.compile(f"(?i)(.+)[/_.-]{_KIND}")
_STORED = "aml://artifactId/"


class Line(NamedTuple):
    """A line of a plot.

    Attributes:
        label: what it is; may be empty.
        x: positions.
        y: values; None is a gap.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float | None]


def charts(context: ServiceContext, record: dict[str, Any]) -> list[str]:
    """Return the charts of a run, those that say most first.

    Args:
        context: the service's parts.
        record: the run's.
    """
    run_id = record["id"]
    latest = context.metrics.latest(run_id)
    pictures = _Pictures(context, run_id)
    families: dict[str, list[tuple[str, str]]] = {}
    once, cards = [], []
    for name, found in latest.items():
        if found["kind"] != "scalar":
            cards.append((name, found["kind"]))
        elif found["count"] > 1 and not isinstance(found["value"], str):
            title, label = family(name)
            families.setdefault(title, []).append((name, label))
        else:
            once.append((name, shown(found["value"])))
    made = [_curves(context, run_id, title, names) for title, names in list(families.items())[:_PLOTS]]
    made += [_card(context, run_id, name, kind, pictures) for name, kind in cards[:_CARDS]]
    if once:
        made.append(part("Values", _rows(once[:_VALUES])))
    made += pictures.others()
    more = max(len(families) - _PLOTS, 0) + max(len(cards) - _CARDS, 0) + max(len(once) - _VALUES, 0)
    if more:
        made.append(f'<p class="none">{more} more on the page</p>')
    return made


def family(name: str) -> tuple[str, str]:
    """Return the title of the plot that a metric is in, and what it is there, as on the page.

    Example:
        >>> family("train/loss"), family("loss_val"), family("loss")
        (('loss', 'train'), ('loss', 'val'), ('loss', ''))
    """
    if found := _BEFORE.fullmatch(name):
        return found[2], found[1]
    if found := _AFTER.fullmatch(name):
        return found[1], found[2]
    return name, ""


def shown(value: Any) -> str:
    """Return a value in a few digits."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


def part(title: str, body: str, about: str = "", kind: str = "") -> str:
    """Return a part with a title.

    Args:
        title: text.
        body: HTML.
        about: HTML beside the title.
        kind: classes, e.g. ``"wide"`` for a part as wide as all.
    """
    head = f'<header><b title="{escape(title)}">{escape(title)}</b>{about}</header>'
    return f'<div class="c {kind}">{head}{body}</div>'


def _curves(context: ServiceContext, run_id: str, title: str, names: list[tuple[str, str]]) -> str:
    reader = Curves(context.database)
    lines = []
    for name, label in names[:_COLORS]:
        curve = reader.curve(run_id, name, _PIXELS)
        if curve is not None:
            lines.append(Line(label or (name if len(names) > 1 else ""), curve["x"], curve["y"]))
    keys = []
    for number, line in enumerate(lines):
        last = next((value for value in reversed(line.y) if value is not None), None)
        told = escape(f"{line.label} {'' if last is None else shown(float(last))}")
        keys.append(f'<span><i style="background:var(--c{number + 1})"></i>{told}</span>')
    return part(title, plot(lines), "".join(keys))


def plot(lines: Sequence[Line], more: str = "", reach: tuple[float, float] | None = None) -> str:
    """Return a plot: lines, with the ends of both axes.

    Args:
        lines: the lines.
        more: SVG behind them, in a box of 300 by 96.
        reach: ends of the vertical axis; by default those of the values.
    """
    points = [_points(line) for line in lines]
    every = [point for line in points for point in line]
    if not every:
        return '<p class="none">No numbers.</p>'
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = reach or (min(y for _, y in every), max(y for _, y in every))
    across, up = _WIDE / ((right - left) or 1), _HIGH / ((high - low) or 1)
    drawn = []
    for number, line in enumerate(points):
        ordered = line if all(a[0] <= b[0] for a, b in pairwise(line)) else sorted(line, key=lambda each: each[0])
        places = [
            f"{(x - left) * across:.1f},{_HIGH - (y - low) * up if high > low else _HIGH / 2:.1f}" for x, y in ordered
        ]
        places = places if len(places) > 1 else [*places, f"{_WIDE:.0f},{_HIGH / 2:.0f}"]
        drawn.append(f'<polyline points="{" ".join(places)}" style="stroke:var(--c{number % _COLORS + 1})"/>')
    box = f'<svg viewBox="0 0 {_WIDE:.0f} {_HIGH:.0f}" preserveAspectRatio="none" aria-hidden="true">'
    ends = f'<span class="x"><span>{left:.6g}</span><span>{right:.6g}</span></span>'
    labels = f'<span class="hi">{high:.4g}</span><span class="lo">{low:.4g}</span>'
    return f'<div class="p">{labels}{box}{more}{"".join(drawn)}</svg>{ends}</div>'


def _points(line: Line) -> list[tuple[float, float]]:
    both = zip(line.x, line.y, strict=False)
    return [(float(x), float(y)) for x, y in both if y is not None and _drawable(x) and _drawable(y)]


def _drawable(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value)


def _card(context: ServiceContext, run_id: str, name: str, kind: str, pictures: _Pictures) -> str:
    try:
        value = context.metrics.read(run_id, name)[name]
        if kind == "image":
            return part(name, pictures.of(_path(_listed(value)[-1])))
        if kind == "artifact":
            return _artifact(context, run_id, name, _path(_listed(value)[-1]))
        if kind == "list":
            return _list(name, _listed(value))
        return _columns(name, value)
    except (TrainshedError, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError):
        return part(name, '<p class="none">Shown on the page.</p>')  # damaged, or made by another program


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _path(value: Any) -> str:
    return str(value).removeprefix(_STORED)


def _list(name: str, values: list[Any]) -> str:
    if len(values) > 2 and all(map(_drawable, values)):
        return part(name, plot([Line("", range(len(values)), values)]), f"<span>{len(values)} values</span>")
    return part(name, f'<p class="none">{escape(", ".join(map(shown, values[:_VALUES])))}</p>')


def _columns(name: str, value: dict[str, Any]) -> str:
    columns = {head: _listed(cells) for head, cells in value.items()}
    count = max((len(cells) for cells in columns.values()), default=0)
    if len(columns) == 2 and count > 2 and all(all(map(_drawable, cells)) for cells in columns.values()):
        x, y = columns.values()
        return part(name, plot([Line("", x, y)]), f"<span>{escape(', '.join(columns))}</span>")
    head = "".join(f"<th>{escape(each)}</th>" for each in columns)
    rows = ""
    for at in range(min(count, _ROWS)):
        cells = (shown(cells[at]) if at < len(cells) else "" for cells in columns.values())
        rows += f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    about = f"<span>the first {_ROWS} of {count} rows</span>" if count > _ROWS else ""
    return part(name, f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>', about)


def _rows(pairs: Sequence[tuple[str, str]]) -> str:
    cells = (f'<tr><th title="{escape(a)}">{escape(a)}</th><td class="num">{escape(b)}</td></tr>' for a, b in pairs)
    return f'<div class="scroll"><table>{"".join(cells)}</table></div>'


def _artifact(context: ServiceContext, run_id: str, name: str, path: str) -> str:
    content = _read(context, run_id, path, _CHART_BYTES)
    data = json.loads(content or b"{}").get("data") or {}
    if isinstance(data.get("matrix"), list):
        return _confusion(name, data["matrix"], data.get("class_labels") or [])
    if isinstance(data.get("probability_tables"), list):
        labels = data.get("class_labels") or []
        lines = []
        for number, table in enumerate(data["probability_tables"][:_COLORS]):
            points = sorted((fp / ((fp + tn) or 1), tp / ((tp + fn) or 1)) for tp, fp, tn, fn in table)
            label = str(labels[number]) if number < len(labels) else str(number)
            lines.append(Line(label, [x for x, _ in points], [y for _, y in points]))
        return part(name, plot(lines, reach=(0.0, 1.0)), "<span>ROC: right alarms over false ones</span>")
    if isinstance(data.get("bin_counts"), list):
        edges, counts = data["bin_edges"], data["bin_counts"]
        return part(name, plot([Line("", edges[: len(counts)], counts)]), "<span>residuals</span>")
    if isinstance(data.get("bin_averages"), list):
        edges, values = data["bin_edges"], data["bin_averages"]
        return part(name, plot([Line("", edges[: len(values)], values)]), "<span>predicted over true</span>")
    return part(name, f'<p class="none">{escape(path)}</p>')


def _confusion(name: str, matrix: list[list[float]], labels: list[Any]) -> str:
    size = len(matrix)
    if size > _CLASSES:
        return part(name, f'<p class="none">{size} classes, drawn on the page.</p>')
    texts = [str(labels[i])[:12] if i < len(labels) else str(i) for i in range(size)]
    total, right = sum(map(sum, matrix)), sum(row[i] for i, row in enumerate(matrix))
    rows = "".join(f"<th>{escape(text)}</th>" for text in texts)
    rows = f"<tr><th></th>{rows}</tr>"
    for i, row in enumerate(matrix):
        cells = f"<th>{escape(texts[i])}</th>"
        for j, count in enumerate(row):
            # The root, so that mistakes are seen; not so strong that a number could not be read on it.
            share = round(70 * math.sqrt(max(count, 0) / (sum(row) or 1)))
            color = f"background:color-mix(in srgb,var(--c{1 if i == j else 2}) {share}%,var(--bg))"
            cells += f'<td style="{color}">{escape(shown(count))}</td>'
        rows += f"<tr>{cells}</tr>"
    about = f"<span>{total:g} cases, {100 * right / (total or 1):.1f} % right; rows: true</span>"
    return part(name, f'<div class="scroll"><table class="cm">{rows}</table></div>', about)


def _read(context: ServiceContext, run_id: str, path: str, most: int) -> bytes | None:
    """Return a file of a run; None if it is longer, or not there."""
    try:
        parts_of(path)
        with context.mirror.open(run_id, layout.place_of(path)) as file:
            content = file.read(most + 1)
    except (TrainshedError, OSError):
        return None
    return content if len(content) <= most else None


class _Pictures:
    """Images of a run, put into the HTML; they are few and small, because it is sent again and again.

    Args:
        context: the service's parts.
        run_id: the run.
    """

    def __init__(self, context: ServiceContext, run_id: str) -> None:
        self._context = context
        self._run_id = run_id
        self._left = _IMAGES_BYTES
        self._shown: set[str] = set()

    def of(self, path: str) -> str:
        """Return a picture, or a line that says where it is seen.

        Args:
            path: its file.
        """
        content = None
        if len(self._shown) < _IMAGES:
            content = _read(self._context, self._run_id, path, min(_IMAGE_BYTES, self._left))
        kind = next((kind for magic, kind in _MAGIC if content and content.startswith(magic)), None)
        if content is None or kind is None:
            return f'<p class="none">{escape(path)}: shown on the page.</p>'
        self._left -= len(content)
        self._shown.add(path)
        code = base64.b64encode(content).decode("ascii")
        return f'<img src="data:image/{kind};base64,{code}" alt="{escape(path)}">'

    def others(self) -> list[str]:
        """Return the other files of pictures that the run has written."""
        made = []
        for path in sorted(name for name, _ in self._context.mirror.listing(self._run_id) if _PICTURE.search(name)):
            if path not in self._shown and len(self._shown) < _IMAGES:
                picture = self.of(path)
                if path in self._shown:
                    made.append(part(path, picture))
        return made
