"""``trainshed show``, ``metrics`` and ``wait``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from trainshed.api.runs.run import Run
from trainshed.api.runs.watch import failure, headline
from trainshed.cli import resolve, show
from trainshed.client.follow import wait as wait_for_end
from trainshed.client.http import quoted
from trainshed.errors import UserErrorException
from trainshed.spec import states

_CANCELED = 130
_SIGNAL = 128


def show_run(run: Run) -> None:
    """Print the facts, warnings, metrics and error of a run."""
    record, details = run.record(), run.get_details()
    spec = record["spec"]
    lines = {
        "Run": record["id"],
        "Experiment": f"{record['experiment']} (number {record['number']})",
        "Status": record["status"] + (f" ({record['reason']})" if record["reason"] else ""),
        "Waiting": details.get("queueReason", ""),
        "Target": record["target"],
        "Command": " ".join([spec["script"] or "", *spec["command"], *spec["arguments"]]).strip(),
        "Created": show.moment(record["created"]),
        "Started": show.moment(record["started"]),
        "Ended": show.moment(record["ended"]),
        "Took": show.duration(record["started"], record["ended"]),
        "Tags": ", ".join(key if value is None else f"{key}={value}" for key, value in record["tags"].items()),
        "States": _states(run),
        "Python": str(details["environment"].get("python") or ""),
        "Page": run.get_portal_url(),
    }
    for title, text in lines.items():
        if text:
            print(f"{title + ':':<12}{show.clean(text)}")
    for warning in details["warnings"]:
        print(f"{'Warning:':<12}{show.clean(warning['message'])}")
    for name, value in run.get_metrics().items():
        print(f"{'Metric:':<12}{show.clean(name)} = {_brief(value)}")
    if "error" in details:
        print()
        for line in failure(record["id"], details["error"]["error"]).splitlines():
            print(show.clean(line))


def _states(run: Run) -> str:
    """Return the states that a run went through, each with the seconds since the first."""
    events = run.experiment.workspace.connection.call("GET", quoted("runs", run.id, "events"))["events"]
    return ", ".join(f"{each['status']} +{each['time'] - events[0]['time']:.1f}s" for each in events)


def show_command(options: argparse.Namespace) -> int:
    """Show a run."""
    run = resolve.run(options)
    if options.json:
        show.as_json({**run.record(), "metrics": run.get_metrics()})
    else:
        show_run(run)
    return 0


def metrics(options: argparse.Namespace) -> int:
    """Print the metrics of a run."""
    found = resolve.run(options).get_metrics(options.name)
    if options.json:
        show.as_json(found)
        return 0
    if options.name is not None and not found:
        raise UserErrorException(f"The run has not logged a metric '{options.name}' (yet).")
    show.table(("METRIC", "VALUE"), ((name, _brief(value)) for name, value in found.items()))
    return 0


def _brief(value: Any) -> str:
    """Return a metric on one line; of a long list, only the last values."""
    if isinstance(value, list) and len(value) > 5:
        return f"… {', '.join(str(item) for item in value[-5:])}  ({len(value)} values)"
    return show.clean(value)


def wait(options: argparse.Namespace) -> int:
    """Wait until a run has ended, and return its exit code."""
    run = resolve.run(options)
    code = exit_code_at_end(run)
    if options.json:
        show.as_json(run.record())
    else:
        print(f"{run.id} {run.status}")
    return code


def exit_code_at_end(run: Run, log_shown: bool = False) -> int:
    """Wait until a run has ended, print why if it failed, and return its exit code.

    Args:
        run: the run.
        log_shown: the log was printed already, so the error does not repeat its last lines.

    Returns:
        0 if it completed; otherwise the script's exit code, 128 + the signal that ended it, 130 if it was cancelled,
        or 1.
    """
    record = wait_for_end(run.experiment.workspace.connection, run.id)
    if record["status"] == states.COMPLETED:
        return 0
    if record["status"] == states.CANCELED:
        print(f"trainshed: run {run.id} was cancelled.", file=sys.stderr)
        return _CANCELED
    error = record["details"].get("error") or {}
    print(
        f"trainshed: run {run.id} failed: {show.clean(headline(error) if log_shown else error.get('message', ''))}",
        file=sys.stderr,
    )
    if error.get("signal"):
        return _SIGNAL + int(error["signal"])
    return int(error.get("exit_code") or 1)
