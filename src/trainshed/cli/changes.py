"""``trainshed cancel``, ``tag`` and ``rerun``."""

from __future__ import annotations

import argparse
import os
import sys

from trainshed.cli import resolve, show
from trainshed.cli.submit import pairs, tell
from trainshed.client.http import quoted
from trainshed.errors import TrainshedError, UserErrorException
from trainshed.spec import states
from trainshed.spec.checks import HIDDEN


def cancel(options: argparse.Namespace) -> int:
    """Cancel runs; what cannot be cancelled is told, and the others are cancelled all the same."""
    where, failed, records = resolve.workspace(options), False, []
    for name in options.run_names:
        try:
            run = resolve.named(where, name)
            if states.is_terminal(run.status):
                raise UserErrorException(f"Run {run.id} has already ended: {run.status}. There is nothing to cancel.")
            run.cancel()
        except TrainshedError as error:
            if len(options.run_names) == 1:
                raise
            failed = True
            print(f"trainshed: {error.message}", file=sys.stderr)
            continue
        records.append(run.record())
        if not options.json:
            print(f"{run.id} {run.status}")
    if options.json:
        show.as_json(records if len(options.run_names) > 1 else records[0])
    return 1 if failed else 0


def tag(options: argparse.Namespace) -> int:
    """Set and remove tags of a run; without any, print its tags."""
    run = resolve.run(options)
    new = {}
    for text in options.tags:
        key, equals, value = text.partition("=")
        if not key:
            raise UserErrorException(f"{text!r} must be of the form KEY or KEY=VALUE.")
        new[key] = value if equals else None
    path = quoted("runs", run.id, "tags")
    tags = run.experiment.workspace.connection.call("POST", path, {"set": new, "remove": options.remove})["tags"]
    if options.json:
        show.as_json(tags)
    else:
        show.table(("TAG", "VALUE"), ((key, "" if value is None else value) for key, value in tags.items()))
    return 0


def rerun(options: argparse.Namespace) -> int:
    """Submit a run again: with the same source, packages and target and, unless new ones are given, arguments.

    Raises:
        UserErrorException: it was no script, or needs the values of environment variables, which are not kept.
    """
    where = resolve.workspace(options)
    run = resolve.named(where, options.run_name)
    spec = run.record()["spec"]
    if not spec.get("snapshot") or run.type == "hyperdrive":
        raise UserErrorException(f"Run {run.id} was not submitted as a script, so it cannot be repeated.")
    variables = {**spec["environment_variables"], **pairs(options.env, "-e")}
    unknown = [f"-e {name}=VALUE" for name, value in variables.items() if value == HIDDEN]
    if unknown:
        raise UserErrorException(
            "Values of environment variables are kept only until their run has ended. Pass them again: "
            f"trainshed rerun {run.id} {' '.join(unknown)}"
        )
    spec = {**spec, "environment_variables": variables, "parent": None}
    if options.arguments:
        spec["arguments"] = options.arguments
    made = where.connection.call("POST", "/runs", {"submit_id": os.urandom(16).hex(), "spec": spec})
    return tell(options, resolve.named(where, made["id"]), "logs -f")
