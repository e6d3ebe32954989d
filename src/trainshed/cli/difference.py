"""``trainshed diff``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from trainshed.cli import resolve, show
from trainshed.spec.arguments import parameters

if TYPE_CHECKING:
    from trainshed.api.runs.run import Run

_SETTINGS = ("experiment", "script", "command", "target", "node_count", "process_count_per_node", "launcher", "use_gpu")


def diff(options: argparse.Namespace) -> int:
    """Show how two runs differ: parameters, settings, packages, metrics, and the lines of their source."""
    where = resolve.workspace(options)
    one, two = (resolve.named(where, name) for name in (options.one, options.two))
    records = [run.record() for run in (one, two)]
    left, right = (_facts(run, record) for run, record in zip((one, two), records, strict=True))
    changed = {
        part: {
            name: [left[part].get(name), right[part].get(name)]
            for name in {**left[part], **right[part]}
            if left[part].get(name) != right[part].get(name)
        }
        for part in left
    }
    snapshots = [record["spec"].get("snapshot") for record in records]
    source: dict[str, Any] = {"files": [], "diff": ""}
    if None not in snapshots and snapshots[0] != snapshots[1]:
        source = where.connection.call("GET", "/diff", query={"one": one.id, "two": two.id})
    if options.json:
        show.as_json({"runs": [one.id, two.id], **changed, "source": source})
        return 0
    rows = [(part, name, *map(_shown, pair)) for part, names in changed.items() for name, pair in names.items()]
    if rows:
        show.table(("", "", one.id, two.id), rows)
    if source["diff"]:
        print("\n".join(show.clean(line) for line in source["diff"].splitlines()))
    if not rows and not source["files"]:
        print("The runs do not differ in their parameters, settings, packages, metrics and source.")
    return 0


def _facts(run: Run, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    packages = (record["details"].get("environment") or {}).get("packages") or []
    named = [str(package).partition("==") for package in packages]
    return {
        "parameter": parameters(record["spec"]["arguments"]),
        "setting": {name: record["spec"].get(name) for name in _SETTINGS},
        "package": {name: version for name, _, version in named},
        "metric": {
            name: value[-1] if isinstance(value, list) else value
            for name, value in run.get_metrics().items()
            if not isinstance(value, dict)
        },
    }


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
