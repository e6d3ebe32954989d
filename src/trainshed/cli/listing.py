"""``trainshed runs``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from trainshed.cli import resolve, show
from trainshed.client.http import quoted
from trainshed.errors import UserErrorException, did_you_mean
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.client.http import Connection

_PAGE, _LISTED = 200, 20
_NOT_LISTED = ("spec", "native_id", "allocation")
_ORDERS = ("submitted", "status", "name", "experiment", "target", "started", "took", "tags")


def runs(options: argparse.Namespace) -> int:
    """List runs."""
    options.status = _status(options.status)
    where = resolve.workspace(options)
    connection = where.connection
    if options.filter or options.sort or options.columns or "," in (options.status or ""):
        return _table(options, connection)
    query = {"experiment": options.experiment, "status": options.status, "tag": options.tag}
    records: list[dict[str, Any]] = []
    while len(records) < options.limit:
        size = min(options.limit - len(records), _PAGE)
        before = records[-1]["seq"] if records else None
        page = connection.call("GET", "/runs", query={**query, "limit": size, "before": before})["runs"]
        records += page
        if len(page) < size:
            break
    if options.json:
        show.as_json(records)
    else:
        show.table(("RUN", "STATUS", "TARGET", "CREATED", "TOOK", "TAGS"), map(_row, records))
        if sys.stdout.isatty():
            print(f"Page: {where.page_url()}", file=sys.stderr)
    return 0


def _status(given: str | None) -> str | None:
    """Return statuses as they are spelled; ``given`` may be several with commas."""
    known, names = {status.lower(): status for status in states.ALL}, sorted(states.ALL)
    for each in [] if given is None else given.split(","):
        if each.lower() not in known:
            raise UserErrorException(f"No status '{each}'. Available: {', '.join(names)}.{did_you_mean(each, names)}")
    return None if given is None else ",".join(known[each.lower()] for each in given.split(","))


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    took = show.duration(record["started"], record["ended"])
    created, tags = show.moment(record["created"]), _tags(record["tags"])
    return record["id"], record["status"], record["target"], created, took, tags


def _tags(tags: dict[str, Any]) -> str:
    return " ".join(key if value is None else f"{key}={value}" for key, value in tags.items())


def _table(options: argparse.Namespace, connection: Connection) -> int:
    """Show runs as the service's table has them: filtered and sorted by anything, with chosen columns."""
    columns = [name for text in options.columns for name in text.split(",") if name]
    sort = options.sort or "submitted"
    if columns or sort not in _ORDERS:
        known = connection.call("GET", "/table/names")
        sort = sort if sort in _ORDERS else _column(sort, known, f" --sort also takes {', '.join(_ORDERS)}.")
        for name in columns:
            _column(name, known)
    query = {
        "filter": _filter(options),
        "sort": "" if sort == "submitted" else sort,
        "descending": int(not options.ascending),
        "metric": columns,
        "parameter": columns,
    }
    rows: list[dict[str, Any]] = []
    while len(rows) < options.limit:
        size = min(options.limit - len(rows), _PAGE)
        page = connection.call("GET", "/table", query={**query, "limit": size, "offset": len(rows)})["rows"]
        rows += page
        if len(page) < size:
            break
    if options.json:
        show.as_json([_named(row, connection) for row in rows])
        return 0
    head = ("RUN", "STATUS", "TARGET", "CREATED", "TOOK", *columns, "TAGS")
    show.table(head, (_cells(row, columns) for row in rows))
    return 0


def _named(row: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """Return a row of the table as the list without a table has it, and the chosen columns."""
    record = connection.call("GET", quoted("runs", row["id"]))
    shown = {name: value for name, value in record.items() if name not in _NOT_LISTED}
    return {**shown, "metrics": row.get("m", {}), "parameters": row.get("p", {})}


def _column(name: str, known: dict[str, list[str]], more: str = "") -> str:
    """Return the service's name of a metric or a parameter.

    Raises:
        UserErrorException: no run has either.
    """
    if name in known["metrics"]:
        return f"m:{name}"
    if name in known["parameters"]:
        return f"p:{name}"
    there = [*known["metrics"], *known["parameters"]]
    listed = f" There are: {', '.join(there[:_LISTED])}{', …' if len(there) > _LISTED else ''}." if there else ""
    near = did_you_mean(name, [*(_ORDERS if more else ()), *there])
    raise UserErrorException(f"No run has a metric or a parameter '{name}'.{near or listed}{more}")


def _filter(options: argparse.Namespace) -> str:
    """Return the filter of the page that says what the options do."""
    words = list(options.filter)
    words += [f'{key}:"{value}"' for key in ("experiment", "status", "tag") if (value := getattr(options, key))]
    return " ".join(words)


def _cells(row: dict[str, Any], columns: list[str]) -> tuple[Any, ...]:
    found = {**row.get("p", {}), **row.get("m", {})}
    return (
        row["id"],
        row["status"],
        row["target"],
        show.moment(row["created"]),
        show.duration(row.get("started"), row.get("ended")),
        *(_short(found.get(name, "")) for name in columns),
        _tags(row.get("tags", {})),
    )


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
