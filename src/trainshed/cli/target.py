"""``trainshed target``."""

from __future__ import annotations

import argparse
from typing import Any

from trainshed.api.compute.cluster import AmlCompute
from trainshed.api.compute.compute import ComputeTarget, LocalTarget
from trainshed.api.compute.remote import RemoteCompute, SshCompute
from trainshed.api.workspace.workspace import Workspace
from trainshed.cli import resolve, show
from trainshed.cli.target_check import check
from trainshed.errors import UserErrorException

_ADD = ("user", "port", "key", "config", "reuse", "folder", "python", "archive")
_CHANGES = ("slots", "grace", "nodes")


def target(options: argparse.Namespace) -> int:
    """List, add, check or remove compute targets, or change one."""
    what, *words = options.words or ["list"]
    if what == "list" and not words:
        return _listed(options)
    if what == "add":
        return _add(options, words)
    if what in ("check", "remove"):
        if len(words) != 1:
            raise UserErrorException(f"TARGET is missing, or there is too much. Use: trainshed target {what} NAME")
        if what == "check":
            return check(resolve.workspace(options), words[0], options)
        ComputeTarget(resolve.workspace(options), words[0]).delete()
        return _told(options, {"removed": words[0]}, f"removed {words[0]}; what its runs have left there stays there")
    if words:
        raise UserErrorException(f"'trainshed target' has no action '{what}'. Available: list, add, check, remove.")
    _refuse(options, _ADD, "is for trainshed target add")
    return _table(options, resolve.workspace(options, create=True), [_changed(options, what).name])


def _listed(options: argparse.Namespace) -> int:
    if any(getattr(options, name) is not None for name in _CHANGES):
        raise UserErrorException(
            "TARGET is missing. Use: trainshed target local --slots N, or trainshed target NAME --nodes N"
        )
    _refuse(options, _ADD, "is for trainshed target add")
    where = resolve.workspace(options, create=False)
    return _table(options, where, None)


def _refuse(options: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    given = next((name for name in names if getattr(options, name) is not None), None)
    if given is not None:
        raise UserErrorException(f"--{given} {why}.")


def _add(options: argparse.Namespace, words: list[str]) -> int:
    if len(words) != 2:
        raise UserErrorException("NAME or HOST is missing, or there is too much. Use: trainshed target add NAME HOST")
    _refuse(options, ("nodes",), "is for clusters of this machine: trainshed target NAME --nodes N")
    where = resolve.workspace(options, create=True)
    settings = {name: getattr(options, name) for name in (*_ADD, "slots")}
    SshCompute.attach(where, words[0], words[1], grace_seconds=options.grace, **settings)
    return _table(options, where, [words[0]])


def _changed(options: argparse.Namespace, name: str) -> ComputeTarget:
    where = resolve.workspace(options, create=True)
    if options.nodes is not None and name not in where.compute_targets:
        return ComputeTarget.create(where, name, AmlCompute.provisioning_configuration(max_nodes=options.nodes))
    one = ComputeTarget(where, name)
    if options.grace is not None:
        one.grace_seconds = options.grace
    if isinstance(one, (LocalTarget, RemoteCompute)):
        if options.nodes is not None:
            raise UserErrorException(f"'{name}' is one node. Set how many runs can run at once: --slots N")
        if options.slots is not None:
            one.slots = options.slots
    elif options.slots is not None:
        raise UserErrorException(f"'{name}' is a cluster and has no slots. Use: trainshed target {name} --nodes N")
    elif options.nodes is not None and isinstance(one, AmlCompute):
        one.update(max_nodes=options.nodes)
    return one


def _table(options: argparse.Namespace, where: Workspace, names: list[str] | None) -> int:
    records = where.connection.call("GET", "/targets")["targets"]
    records = [each for each in records if names is None or each["name"] in names]
    if options.json:
        show.as_json(records)
        return 0
    show.table(("TARGET", "KIND", "SLOTS", "USED", "HOST"), map(_row, records))
    for each in records:
        for said in filter(None, (each["error"], each["doing"])):
            print(f"{each['name']}: {show.clean(said)}")
    return 0


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    slots = record.get("slots") or record.get("max_nodes")
    host = record.get("host") or " ".join(record.get("connect") or ())
    return record["name"], record["kind"], slots, record["used"], host


def _told(options: argparse.Namespace, facts: dict[str, Any], sentence: str) -> int:
    if options.json:
        show.as_json(facts)
    else:
        print(sentence)
    return 0
