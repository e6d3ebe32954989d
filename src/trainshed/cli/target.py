"""``trainshed target``."""

from __future__ import annotations

import argparse
from typing import Any

from trainshed.api.compute.cluster import AmlCompute
from trainshed.api.compute.compute import ComputeTarget, LocalTarget
from trainshed.api.compute.remote import RemoteCompute, SshCompute, SshPool
from trainshed.api.workspace.workspace import Workspace
from trainshed.cli import resolve, show
from trainshed.cli.target_check import check
from trainshed.errors import UserErrorException

_ADD = ("user", "port", "key", "config", "reuse", "folder", "python", "archive", "shared")
_CHANGES = ("slots", "grace", "nodes")


def target(options: argparse.Namespace) -> int:
    """List, add, check, map or remove compute targets, or change one."""
    what, *words = options.words or ["list"]
    if what == "list" and not words:
        return _listed(options)
    if what == "add":
        return _add(options, words)
    if what == "map":
        return _map(options, words)
    if what in ("check", "remove", "unmap"):
        if len(words) != 1:
            raise UserErrorException(f"NAME is missing, or there is too much. Use: trainshed target {what} NAME")
        if what == "check":
            return check(resolve.workspace(options), words[0], options)
        return (_remove if what == "remove" else _unmap)(options, words[0])
    if words:
        raise UserErrorException(
            f"'trainshed target' has no action '{what}'. Available: list, add, check, remove, map, unmap."
        )
    _refuse(options, _ADD, "is for trainshed target add")
    return _table(options, resolve.workspace(options, create=True), [_changed(options, what).name])


def _remove(options: argparse.Namespace, name: str) -> int:
    one = ComputeTarget(resolve.workspace(options), name)
    if stands_for := one.serialize().get("stands_for"):
        raise UserErrorException(
            f"'{name}' is no target of its own: it stands for '{stands_for}'. To end that: trainshed target unmap "
            f"{name}"
        )
    one.delete()
    return _told(options, {"removed": name}, f"removed {name}; what its runs have left there stays there")


def _map(options: argparse.Namespace, words: list[str]) -> int:
    if len(words) != 2:
        raise UserErrorException(
            "NAME or TARGET is missing, or there is too much. Use: trainshed target map NAME TARGET, where a partition "
            "of a Slurm target is TARGET:PARTITION"
        )
    _refuse(options, (*_ADD, *_CHANGES), "is not for trainshed target map")
    one = ComputeTarget.map(resolve.workspace(options, create=True), *words)
    return _told(options, one.serialize(), f"{words[0]} stands for {words[1]}: what is submitted to it runs there")


def _unmap(options: argparse.Namespace, name: str) -> int:
    ComputeTarget.unmap(resolve.workspace(options), name)
    return _told(options, {"unmapped": name}, f"{name} stands for no other target any more")


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
    if len(words) < 2:
        raise UserErrorException(
            "NAME or HOST is missing. Use: trainshed target add NAME HOST, or with several hosts for a pool of them"
        )
    _refuse(options, ("nodes",), "is for clusters of this machine: trainshed target NAME --nodes N")
    where = resolve.workspace(options, create=True)
    settings = {name: getattr(options, name) for name in (*_ADD, "slots")}
    host = words[1] if len(words) == 2 else words[1:]
    SshCompute.attach(where, words[0], host, grace_seconds=options.grace, **settings)
    return _table(options, where, [words[0]])


def _changed(options: argparse.Namespace, name: str) -> ComputeTarget:
    where = resolve.workspace(options, create=True)
    if options.nodes is not None and name not in where.compute_targets:
        return ComputeTarget.create(where, name, AmlCompute.provisioning_configuration(max_nodes=options.nodes))
    one = ComputeTarget(where, name)
    if options.grace is not None:
        one.grace_seconds = options.grace
    if isinstance(one, (LocalTarget, RemoteCompute, SshPool)):
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
    show.table(("TARGET", "KIND", "SLOTS", "USED", "WHERE"), map(_row, records))
    for each in records:
        for member in each.get("members", ()) if names is not None else ():
            print(f"{member['name']}: {member['used']} of {member['slots']} slots used")
        for said in filter(None, (each["error"], each["doing"])):
            print(f"{each['name']}: {show.clean(said)}")
    return 0


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    slots = record.get("slots") or record.get("max_nodes")
    if "stands_for" in record:
        return record["name"], "mapped", slots, record["used"], f"target {record['stands_for']}"
    host = record.get("host") or " ".join(record.get("hosts") or record.get("connect") or ())
    return record["name"], record["kind"], slots, record["used"], host


def _told(options: argparse.Namespace, facts: dict[str, Any], sentence: str) -> int:
    if options.json:
        show.as_json(facts)
    else:
        print(sentence)
    return 0
