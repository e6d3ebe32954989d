"""A run as a piece of HTML for another page, such as a notebook: the parts of its own page, one screen tall.

There is no script in it, and everything that comes from a run is escaped. What it looks like is in ``fragment.css``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.service.context import ServiceContext
from trainshed.service.mirror import Mirror
from trainshed.service.page.fragment_charts import charts, part
from trainshed.service.page.fragment_sweep import sweep
from trainshed.service.requests import API, endpoint
from trainshed.service.sweeps import KIND
from trainshed.spec import layout, states

_LOG_BYTES = 32 << 10
_RUNS = 200
_FILES = 100
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_SHAPES = {
    states.NOT_STARTED: "notstarted",
    states.QUEUED: "queued",
    states.RUNNING: "running",
    states.COMPLETED: "completed",
    states.FAILED: "failed",
    states.CANCELED: "canceled",
    states.NOT_RESPONDING: "lost",
}
"""Status → class of its shape and color, the same as on the page; all others are those of preparing."""


def fragment(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /api/v1/runs/{id}/fragment?page=…: ``page`` is the address of the pages, as the client's user sees them."""
    record = context.supervisor.look(request.path_params["run"])
    page = request.query_params.get("page", "")
    return {"html": html(context, record, page if page.startswith(("http://", "https://")) else "")}


def html(context: ServiceContext, record: dict[str, Any], page: str) -> str:
    """Return the HTML of a run.

    Args:
        context: the service's parts.
        record: the run's.
        page: address of the pages, where links lead; without one there are none.
    """
    link = _Links(page)
    left = sweep(context, record["id"], link.run) if record["kind"] == KIND else charts(context, record)
    left += [*(_children(context, record, link) if record["kind"] != KIND else ()), *_files(context, record, link)]
    log = _log(context.mirror, record["id"])
    few = "" if left or log else " few"
    shown = "".join(left) or '<p class="none">Nothing logged yet.</p>'
    body = f'<div class="body"><div class="left" tabindex="0">{shown}</div>{log}</div>'
    return f'<style>{_style()}</style><div class="trainshed{few}">{_head(context, record, link)}{body}</div>'


@cache
def _style() -> str:
    """Return the style: the colors of the dark are there for the reader's system, Jupyter's theme and VS Code's."""
    text = Path(__file__).with_name("fragment.css").read_text(encoding="utf-8")
    light, dark, rest = (part.strip() for part in text.split("/* --- */"))
    themes = [
        f".trainshed{{{light}}}",
        f"@media (prefers-color-scheme:dark){{.trainshed{{{dark}}}}}",
        f'[data-jp-theme-light="true"] .trainshed,.vscode-light .trainshed{{{light}}}',
        f'[data-jp-theme-light="false"] .trainshed,.vscode-dark .trainshed,.vscode-high-contrast .trainshed{{{dark}}}',
    ]
    return "".join(themes) + rest


class _Links:
    """Makes links to the pages of runs; plain text where the address of the pages is not known.

    Args:
        page: address of the pages, or an empty text.
    """

    def __init__(self, page: str) -> None:
        self._page = page.rstrip("/")

    def run(self, run_id: str, text: str, part: str = "", more: str = "") -> str:
        """Return a link to a run.

        Args:
            run_id: the run.
            text: what is read.
            part: of its page, e.g. ``"files"``.
            more: HTML attributes.
        """
        if not self._page:
            return f"<span {more}>{escape(text)}</span>"
        address = f"{self._page}/runs/{quote(run_id, safe='')}{'#' if part else ''}{part}"
        return f'<a href="{escape(address)}" target="_blank" rel="noopener" {more}>{escape(text)}</a>'


def status(text: str, hint: str = "") -> str:
    """Return a status as the page shows it: a shape and a word, never the color alone.

    Args:
        text: the status.
        hint: why, in small letters.
    """
    small = f"<small>{escape(hint)}</small>" if hint else ""
    return f'<span class="st {_SHAPES.get(text, "preparing")}"><i></i>{escape(text)}{small}</span>'


def _head(context: ServiceContext, record: dict[str, Any], link: _Links) -> str:
    details = record["details"] or {}
    name = record["display_name"] or record["id"]
    waits = details.get("queue_reason") if record["status"] in (states.PROVISIONING, states.QUEUED) else ""
    facts = [record["experiment"], record["target"], record["id"] if name != record["id"] else ""]
    tags = [
        f"{key}: {value}" if value else str(key) for key, value in record["tags"].items() if key != "hyperparameters"
    ]
    about = "".join(f"<span>{escape(str(fact))}</span>" for fact in facts if fact)
    about += "".join(f'<span class="tag">{escape(tag)}</span>' for tag in tags[:6])
    about += f"<span>{escape(record['description'])}</span>" if record["description"] else ""
    parent = ""
    if record["parent"]:
        parent = f"<span>child of {link.run(record['parent'], _name_of(context, record['parent']))}</span>"
    links = link.run(record["id"], "Open the page ↗", more='class="go"')
    row = f"{status(record['status'], str(waits or ''))}<b>{link.run(record['id'], name)}</b><em>{_took(record)}</em>"
    error = details.get("error")
    told = f'<div class="why">{escape(str(error.get("message") or ""))}</div>' if error else ""
    return (
        f'<div class="head"><div class="row">{row}{links}</div><div class="row about">{about}{parent}</div></div>{told}'
    )


def _name_of(context: ServiceContext, run_id: str) -> str:
    try:
        return str(context.history.get(run_id)["display_name"] or run_id)
    except NotFoundException:
        return run_id


def _took(record: dict[str, Any]) -> str:
    if not record["started"]:
        return ""
    seconds = max((record["ended"] or time.time()) - record["started"], 0.0)
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    minutes = int(seconds // 60)
    return f"{minutes}m {int(seconds % 60):02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def _children(context: ServiceContext, record: dict[str, Any], link: _Links) -> list[str]:
    found = context.history.list_runs(parent=record["id"], limit=_RUNS)
    rows = (
        (status(each["status"]), link.run(each["id"], each["display_name"] or each["id"]), _took(each))
        for each in found
    )
    return [part("Children", _table(rows), kind="wide")] if found else []


def _table(rows: Iterable[Iterable[str]]) -> str:
    return f"<table>{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{cell}</td>" for cell in row)


def _files(context: ServiceContext, record: dict[str, Any], link: _Links) -> list[str]:
    found = sorted((name, about.st_size) for name, about in context.mirror.listing(record["id"]))
    if not found:
        return []
    rows = [(link.run(record["id"], name, "files"), f"<em>{_size(size)}</em>") for name, size in found[:_FILES]]
    more = f'<p class="none">{len(found) - _FILES} more</p>' if len(found) > _FILES else ""
    return [part("Files", _table(rows) + more, kind="wide")]


def _size(count: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.1f} {units[0]}" if units[0] != "B" and count < 10 else f"{count:.0f} {units[0]}"


def _log(mirror: Mirror, run_id: str) -> str:
    for name in (layout.DRIVER_LOG, layout.USER_LOG, layout.BUILD_LOG, layout.SWEEP_LOG):
        try:
            with mirror.open(run_id, layout.place_of(name)) as file:
                file.seek(max(file.seek(0, 2) - _LOG_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except NotFoundException:
            continue
        if text:
            # The last line is in view without a script: the box is filled from its end.
            plain = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in _ANSI.sub("", text).split("\n"))
            head = f'<header><b title="{escape(name)}">{escape(name.rpartition("/")[2])}</b></header>'
            return f'<div class="log">{head}<div class="end" tabindex="0"><pre>{escape(plain)}</pre></div></div>'
    return ""


ROUTES = [Route(f"{API}/runs/{{run}}/fragment", endpoint(fragment))]
