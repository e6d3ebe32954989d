"""What a run has logged, as parts of a page without a script: curves, tables, confusion matrices, images."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
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


class Dot(NamedTuple):
    """A point of a plot.

    Attributes:
        x: its position.
        y: its value.
        color: name of its color in the style.
        size: in pixels.
    """

    x: float
    y: float
    color: str
    size: int


class Part(NamedTuple):
    """A part with a title; ``fragment_parts.html`` draws it.

    Attributes:
        title: what it shows.
        view: how it is drawn, e.g. ``"plot"``.
        data: what that needs; None if there are no numbers to draw.
        about: what stands beside the title.
        wide: whether it is as wide as all.
    """

    title: str
    view: str
    data: Any
    about: str = ""
    wide: bool = False


def charts(context: ServiceContext, record: dict[str, Any]) -> tuple[list[Part], int]:
    """Return the charts of a run, those that say most first, and how many more there are.

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
        made.append(Part("Values", "pairs", once[:_VALUES]))
    made += pictures.others()
    more = max(len(families) - _PLOTS, 0) + max(len(cards) - _CARDS, 0) + max(len(once) - _VALUES, 0)
    return made, more


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


def _curves(context: ServiceContext, run_id: str, title: str, names: list[tuple[str, str]]) -> Part:
    reader = Curves(context.database)
    lines = []
    for name, label in names[:_COLORS]:
        curve = reader.curve(run_id, name, _PIXELS)
        if curve is not None:
            told = label or (name if len(names) > 1 else "")
            last = next((shown(float(value)) for value in reversed(curve["y"]) if value is not None), "")
            lines.append(Line(f"{told} {last}".strip(), curve["x"], curve["y"]))
    return Part(title, "plot", plot(lines))


def plot(
    lines: Sequence[Line], dots: Sequence[Dot] = (), reach: tuple[float, float] | None = None
) -> dict[str, Any] | None:
    """Return a plot: lines, with the ends of both axes; None if there are no numbers.

    Args:
        lines: the lines.
        dots: points behind them.
        reach: ends of the vertical axis; by default those of the values.
    """
    points = [_points(line) for line in lines]
    every = [point for line in points for point in line]
    if not every:
        return None
    left, right = (edge(x for x, _ in [*every, *((dot.x, dot.y) for dot in dots)]) for edge in (min, max))
    low, high = reach or (min(y for _, y in every), max(y for _, y in every))
    across, up = _WIDE / ((right - left) or 1), _HIGH / ((high - low) or 1)

    def at(x: float, y: float) -> str:
        return f"{(x - left) * across:.1f},{_HIGH - (y - low) * up if high > low else _HIGH / 2:.1f}"

    drawn = []
    for line, each in zip(lines, points, strict=True):
        ordered = each if all(a[0] <= b[0] for a, b in pairwise(each)) else sorted(each, key=lambda point: point[0])
        places = [at(x, y) for x, y in ordered]
        places = places if len(places) > 1 else [*places, f"{_WIDE:.0f},{_HIGH / 2:.0f}"]
        drawn.append({"points": " ".join(places), "told": line.label})
    return {
        "box": f"{_WIDE:.0f} {_HIGH:.0f}",
        "left": f"{left:.6g}",
        "right": f"{right:.6g}",
        "low": f"{low:.4g}",
        "high": f"{high:.4g}",
        "lines": drawn,
        "dots": [{"at": at(dot.x, min(max(dot.y, low), high)), "color": dot.color, "size": dot.size} for dot in dots],
    }


def _points(line: Line) -> list[tuple[float, float]]:
    both = zip(line.x, line.y, strict=False)
    return [(float(x), float(y)) for x, y in both if y is not None and _drawable(x) and _drawable(y)]


def _drawable(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value)


def _card(context: ServiceContext, run_id: str, name: str, kind: str, pictures: _Pictures) -> Part:
    try:
        value = context.metrics.read(run_id, name)[name]
        if kind == "image":
            return pictures.of(_path(_listed(value)[-1]))._replace(title=name)
        if kind == "artifact":
            return _artifact(context, run_id, name, _path(_listed(value)[-1]))
        if kind == "list":
            return _list(name, _listed(value))
        return _columns(name, value)
    except (TrainshedError, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError):
        return Part(name, "note", "Shown on the page.")  # damaged, or made by another program


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _path(value: Any) -> str:
    return str(value).removeprefix(_STORED)


def _list(name: str, values: list[Any]) -> Part:
    if len(values) > 2 and all(map(_drawable, values)):
        return Part(name, "plot", plot([Line("", range(len(values)), values)]), f"{len(values)} values")
    return Part(name, "note", ", ".join(map(shown, values[:_VALUES])))


def _columns(name: str, value: dict[str, Any]) -> Part:
    columns = {head: _listed(cells) for head, cells in value.items()}
    count = max((len(cells) for cells in columns.values()), default=0)
    if len(columns) == 2 and count > 2 and all(all(map(_drawable, cells)) for cells in columns.values()):
        x, y = columns.values()
        return Part(name, "plot", plot([Line("", x, y)]), ", ".join(columns))
    rows = [
        [shown(cells[at]) if at < len(cells) else "" for cells in columns.values()] for at in range(min(count, _ROWS))
    ]
    about = f"the first {_ROWS} of {count} rows" if count > _ROWS else ""
    return Part(name, "table", {"heads": list(columns), "rows": rows}, about)


def _artifact(context: ServiceContext, run_id: str, name: str, path: str) -> Part:
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
        return Part(name, "plot", plot(lines, reach=(0.0, 1.0)), "ROC: right alarms over false ones")
    if isinstance(data.get("bin_counts"), list):
        edges, counts = data["bin_edges"], data["bin_counts"]
        return Part(name, "plot", plot([Line("", edges[: len(counts)], counts)]), "residuals")
    if isinstance(data.get("bin_averages"), list):
        edges, values = data["bin_edges"], data["bin_averages"]
        return Part(name, "plot", plot([Line("", edges[: len(values)], values)]), "predicted over true")
    return Part(name, "note", path)


def _confusion(name: str, matrix: list[list[float]], labels: list[Any]) -> Part:
    size = len(matrix)
    if size > _CLASSES:
        return Part(name, "note", f"{size} classes, drawn on the page.")
    texts = [str(labels[i])[:12] if i < len(labels) else str(i) for i in range(size)]
    total, right = sum(map(sum, matrix)), sum(row[i] for i, row in enumerate(matrix))
    rows = [
        (
            texts[i],
            # The root, so that mistakes are seen; not so strong that a number could not be read on it.
            [(shown(n), round(70 * math.sqrt(max(n, 0) / (sum(row) or 1))), i == j) for j, n in enumerate(row)],
        )
        for i, row in enumerate(matrix)
    ]
    about = f"{total:g} cases, {100 * right / (total or 1):.1f} % right; rows: true"
    return Part(name, "confusion", {"labels": texts, "rows": rows}, about)


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
    """Images of a run, put into the page; they are few and small, because it is sent again and again.

    Args:
        context: the service's parts.
        run_id: the run.
    """

    def __init__(self, context: ServiceContext, run_id: str) -> None:
        self._context = context
        self._run_id = run_id
        self._left = _IMAGES_BYTES
        self._shown: set[str] = set()

    def of(self, path: str) -> Part:
        """Return a picture, or a line that says where it is seen.

        Args:
            path: its file.
        """
        content = None
        if len(self._shown) < _IMAGES:
            content = _read(self._context, self._run_id, path, min(_IMAGE_BYTES, self._left))
        kind = next((kind for magic, kind in _MAGIC if content and content.startswith(magic)), None)
        if content is None or kind is None:
            return Part(path, "note", f"{path}: shown on the page.")
        self._left -= len(content)
        self._shown.add(path)
        code = base64.b64encode(content).decode("ascii")
        return Part(path, "picture", {"kind": kind, "code": code, "path": path})

    def others(self) -> list[Part]:
        """Return the other files of pictures that the run has written."""
        made = []
        for path in sorted(name for name, _ in self._context.mirror.listing(self._run_id) if _PICTURE.search(name)):
            if path not in self._shown and len(self._shown) < _IMAGES:
                picture = self.of(path)
                if path in self._shown:
                    made.append(picture)
        return made
