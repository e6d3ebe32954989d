"""The table of runs: windows of it, in any order, filtered and grouped by the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from trainshed.spec import states
from trainshed.spec.arguments import parameters
from trainshed.store.database import Database
from trainshed.store.values import lenient_json, loaded
from trainshed.web import filters

_MOST = 200
"""Rows of a window."""
_GROUPS = 1000
_NAMES = 2000
_NEWEST = 50
_RUNNING = 64
_SHORT = 120
_JUDGES = re.compile(r"(?i)\b(val|valid|validation|test|eval)|_(val|test)\b")
_TELLS = re.compile(r"(?i)loss|acc|error|score|auc|f1|r2|rmse|mae|mse")
_COLUMNS = (
    "id, status, reason, display_name, experiment, number, target, parent, kind, created, started, ended, tags, "
    "details, cancel_requested"
)
_PARAMETERS = "SELECT id, json_extract(spec, '$.arguments'), properties FROM runs JOIN specs ON run = id"
_GROUP = {"experiment": "experiment", "sweep": "CASE WHEN kind = 'hyperdrive' THEN id ELSE coalesce(parent, '') END"}
_SORT = {
    "status": "CASE status WHEN 'Running' THEN 0 WHEN 'Queued' THEN 2 WHEN 'Failed' THEN 3 ELSE 1 + terminal * 4 END",
    "name": "lower(coalesce(display_name, id))",
    "experiment": "lower(experiment)",
    "target": "target",
    "started": "coalesce(started, created)",
    "took": filters.TOOK,
    "tags": "nullif(tags, '{}')",
}


class Question(NamedTuple):
    """What a page shows of the table.

    Attributes:
        text: the filter.
        sort: a column; ``m:name`` is a metric, ``p:name`` a parameter. The default is the order of submission.
        descending: largest first.
        group: ``"experiment"``, ``"sweep"`` or nothing.
        offset: the first row.
        limit: the number of rows.
        metrics: names of the metrics to show.
        parameters: names of the parameters to show.
    """

    text: str = ""
    sort: str = ""
    descending: bool = True
    group: str = ""
    offset: int = 0
    limit: int = _MOST
    metrics: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


class Table:
    """The table of runs.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, since: float) -> dict[str, int]:
        """Return how many runs there are by status, and how many have failed lately.

        Args:
            since: seconds since the epoch, what counts as lately.
        """
        found = dict(self._database.tuples("SELECT status, count(*) FROM runs GROUP BY status"))
        sql = "SELECT count(*) FROM runs WHERE status = 'Failed' AND ended > ?"
        return {**found, "all": sum(found.values()), "failed_lately": self._database.column(sql, (since,))[0]}

    def experiments(self, limit: int) -> list[dict[str, Any]]:
        """Return the experiments, those with the newest runs first.

        Args:
            limit: the maximum number.
        """
        sql = (
            "SELECT name, (SELECT max(seq) FROM runs WHERE experiment = name) AS newest, "
            "(SELECT count(*) FROM runs WHERE experiment = name) FROM experiments WHERE archived IS NULL "
            "ORDER BY newest DESC LIMIT ?"
        )
        return [{"name": name, "runs": runs} for name, _, runs in self._database.tuples(sql, (limit,))]

    def names(self) -> dict[str, list[str]]:
        """Return what can be chosen as a column: names of metrics and parameters, the most common first."""
        sql = "SELECT name FROM series WHERE kind = 'scalar' GROUP BY name ORDER BY count(*) DESC, name LIMIT ?"
        found = self._common(500)
        common = sorted(found, key=lambda name: (-found[name], name))[:_NAMES]
        return {"metrics": self._database.column(sql, (_NAMES,)), "parameters": common}

    def usual(self) -> dict[str, list[str]]:
        """Return the columns for somebody who has not chosen any: what the newest runs have."""
        newest = "SELECT id FROM runs ORDER BY seq DESC LIMIT ?"
        sql = (
            f"SELECT name FROM series WHERE kind = 'scalar' AND run IN ({newest}) "
            "GROUP BY name ORDER BY count(*) DESC, min(id) LIMIT 100"
        )
        found = self._common(_NEWEST)
        common = sorted(found, key=lambda name: -found[name])[:3]
        names = [name for name in self._database.column(sql, (_NEWEST,)) if name not in found]
        judged = sorted(names, key=lambda name: (not _JUDGES.search(name), not _TELLS.search(name)))
        return {"metrics": judged[:3], "parameters": common}

    def _common(self, newest: int) -> dict[str, int]:
        """Return the names of the parameters of the newest runs, and how many have each."""
        found: dict[str, int] = {}
        for texts in self._database.tuples(f"{_PARAMETERS} ORDER BY seq DESC LIMIT ?", (newest,)):
            for name in _parameters(*texts[1:]):
                found[name] = found.get(name, 0) + 1
        return found

    def window(self, asked: Question) -> dict[str, Any]:
        """Return a part of the table: ``{"total", "rows", "groups"}``.

        Args:
            asked: which part.
        """
        conditions = filters.conditions(asked.text)
        where = " AND ".join(f"({each.sql})" for each in conditions)
        args = [value for each in conditions for value in each.args]
        groups = self._groups(asked.group, where, args) if asked.group in _GROUP else None
        total = self._database.column(f"SELECT count(*) FROM runs WHERE {where}", args)[0]
        order, order_args = _order(asked)
        sql = f"SELECT {_COLUMNS} FROM runs WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        window = (max(min(asked.limit, _MOST), 0), max(asked.offset, 0))
        rows = [_row(row) for row in self._database.tuples(sql, [*args, *order_args, *window])]
        self._complete(rows, asked)
        return {"total": total, "rows": rows, **({"groups": groups} if groups is not None else {})}

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return the rows of some runs, in their order.

        Args:
            ids: their ids; unknown ones are left out.
        """
        wanted = list(ids)[:_MOST]
        sql = f"SELECT {_COLUMNS} FROM runs WHERE id IN ({', '.join('?' * len(wanted))})"
        found = {row["id"]: row for row in map(_row, self._database.tuples(sql, wanted))}
        return [found[each] for each in wanted if each in found]

    def _groups(self, group: str, where: str, args: list[Any]) -> list[dict[str, Any]]:
        key = _GROUP[group]
        sql = (
            f"SELECT {key} AS key, count(*), sum(status = 'Completed'), sum(status = 'Failed'), "
            "sum(status = 'Canceled'), sum(terminal = 0) "
            f"FROM runs WHERE {where} GROUP BY key ORDER BY max(seq) DESC LIMIT ?"
        )
        names = ("key", "runs", "completed", "failed", "canceled", "active")
        found = [dict(zip(names, row, strict=True)) for row in self._database.tuples(sql, [*args, _GROUPS])]
        if group == "sweep":
            titles = {row["id"]: row for row in self.rows([each["key"] for each in found])}
            for each in found:
                parent = titles.get(each["key"])
                each["name"], each["kind"] = (parent["name"], parent["kind"]) if parent else ("", "")
        return found

    def _complete(self, rows: list[dict[str, Any]], asked: Question) -> None:
        """Add what is not in the table of runs itself: metrics, parameters, places in queues."""
        by_id = {row["id"]: row for row in rows}
        marks = ", ".join("?" * len(by_id))
        if asked.metrics:
            names = ", ".join("?" * len(asked.metrics))
            sql = f"SELECT run, name, value FROM series WHERE run IN ({marks}) AND name IN ({names})"
            for run, name, value in self._database.tuples(sql, [*by_id, *asked.metrics]):
                by_id[run].setdefault("m", {})[name] = loaded(value)
        if asked.parameters:
            for run, *texts in self._database.tuples(f"{_PARAMETERS} WHERE id IN ({marks})", list(by_id)):
                found = _parameters(*texts)
                by_id[run]["p"] = {name: found[name] for name in asked.parameters if name in found}
        if any(row["status"] == states.QUEUED for row in rows):
            for run, place in self.places().items():
                if run in by_id:
                    by_id[run]["place"] = place

    def running(self) -> list[str]:
        """Return the ids of runs that may be logging, the newest first."""
        sql = "SELECT id FROM runs WHERE status IN ('Running', 'Finalizing') ORDER BY seq DESC LIMIT ?"
        return self._database.column(sql, (_RUNNING,))

    def places(self) -> dict[str, int]:
        """Return the places of queued runs in the queues of their targets, from 1."""
        sql = (
            "SELECT id, row_number() OVER (PARTITION BY target ORDER BY priority DESC, seq) FROM runs "
            "WHERE status = 'Queued'"
        )
        return dict(self._database.tuples(sql))


def _order(asked: Question) -> tuple[str, list[Any]]:
    sign = "DESC" if asked.descending else "ASC"
    parts, args = [], []
    if asked.group in _GROUP:
        parts.append(f"max(seq) OVER (PARTITION BY {_GROUP[asked.group]}) DESC")
    kind, _, name = asked.sort.partition(":")
    expression = {"m": filters.METRIC, "p": filters.PARAMETER}.get(kind) if name else _SORT.get(asked.sort)
    if expression:
        parts += [f"{expression} IS NULL", f"{expression} {sign}"]
        args = [name, name] if name else []
    parts.append(f"seq {sign if not expression else 'DESC'}")
    return ", ".join(parts), args


def _parameters(arguments: str | None, properties: str) -> dict[str, Any]:
    listed = lenient_json(f'{{"a": {arguments or "[]"}}}').get("a") or ()
    return parameters([str(each) for each in listed], lenient_json(properties))


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row of the table as the page gets it: what is empty is left out."""
    found = dict(zip(_COLUMNS.split(", "), row, strict=True))
    details, tags = lenient_json(found.pop("details")), lenient_json(found.pop("tags"))
    error = details.get("error")
    about = error if isinstance(error, dict) else {}
    told = about.get("debugInfo") if isinstance(about.get("debugInfo"), dict) else {}
    message = f"{told['type']}: {told.get('message')}" if told and told.get("type") else about.get("message")
    made = {
        **found,
        "name": found["display_name"] or found["id"],
        "tags": tags,
        "error": gist(str(message or "")),
        "archived": details.get("archived"),
    }
    return {name: value for name, value in made.items() if value not in (None, "", 0, {})}


def gist(message: str) -> str:
    r"""Return what a long error message comes down to: its last line that says something.

    Args:
        message: the message.

    Example:
        >>> gist("The script exited with code 1:\nTraceback ...\nKeyError: 'label'")
        "KeyError: 'label'"
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1][:_SHORT] if lines else ""
