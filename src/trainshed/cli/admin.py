"""``trainshed environments`` and ``trainshed service``."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping

from trainshed.api.workspace.workspace import Workspace
from trainshed.cli import resolve, show
from trainshed.client import locations
from trainshed.errors import NotFoundException
from trainshed.system import files


def environments(options: argparse.Namespace) -> int:
    """List the built environments, or remove those that no run has used for a number of days."""
    connection = resolve.workspace(options).connection
    if options.prune is not None:
        removed = connection.call("POST", "/environments/prune", {"unused_days": options.prune})["removed"]
        _say(options, {"removed": removed}, f"removed {len(removed)} environments")
        return 0
    found = connection.call("GET", "/environments")["environments"]
    if options.json:
        show.as_json(found)
    else:
        rows = ((each["key"], each["solver"], show.moment(each["used"]), " ".join(each["resolved"])) for each in found)
        show.table(("ENVIRONMENT", "BY", "LAST USED", "PACKAGES"), rows)
    return 0


def workspaces(options: argparse.Namespace) -> int:
    """List the workspaces in Trainshed's folder."""
    found = [{"name": name, "folder": locations.folder_of(name)} for name in locations.names()]
    if options.json:
        show.as_json(found)
    else:
        show.table(("WORKSPACE", "FOLDER"), ((each["name"], each["folder"]) for each in found))
    return 0


def service(options: argparse.Namespace) -> int:
    """Show, start or stop the workspace's service, or print its log or its address and token."""
    from trainshed.client.embedded import running, warn_of_ignored
    from trainshed.client.endpoint import log_of, read

    where = resolve.workspace(options, create=options.what in ("start", "access"))
    if options.what == "access":
        return _access(where, options)
    if options.what == "logs":
        if where.by_address:
            show.log(options, "service.log", where.connection.stream("GET", "/service/log"))
            return 0
        return _logs(options, log_of(str(where.path)))
    if options.what == "stop":
        from trainshed.client.stopping import stop

        stopped = stop(str(where.path))
        _say(options, {"running": False, "stopped": stopped}, "stopped; runs continue" if stopped else "not running")
        return 0
    known = options.what == "start" or where.by_address
    connection = where.connection if known else running(where.identity)
    if connection is None:
        _say(options, {"running": False, "workspace": where.identity}, "not running; it starts when needed")
        return 0
    if not where.by_address and (endpoint := read(where.identity)):
        warn_of_ignored(endpoint)
    facts = {"running": True, **connection.call("GET", "/service"), "url": connection.base_url}
    sizes = facts["sizes"] = connection.call("GET", "/service/sizes")
    _say(
        options,
        facts,
        f"running: pid {facts['pid']}, {facts['url']}, {facts['runs_active']} unfinished runs, since "
        f"{show.moment(facts['started'])}, workspace {facts['workspace']}\n"
        f"on disk: {', '.join(f'{name} {show.size(size)}' for name, size in sizes.items())}",
    )
    return 0


def _say(options: argparse.Namespace, facts: Mapping[str, object], sentence: str) -> None:
    if options.json:
        show.as_json(facts)
    else:
        print(sentence)


def _access(where: Workspace, options: argparse.Namespace) -> int:
    """Print the address and the token (or the file it was written to) for clients on other machines, or of MLflow."""
    facts: dict[str, str] = (
        where.mlflow_access() if options.mlflow else where.connection.call("POST", "/service/access")
    )
    names = (
        ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN") if options.mlflow else ("TRAINSHED_SERVICE", "TRAINSHED_TOKEN")
    )
    last = f"{names[1]}={facts['token']}"
    if options.token_file:
        path = os.path.abspath(options.token_file)
        files.write(path, facts["token"] + "\n")
        facts = {"address": facts["address"], "token_file": path}
        # MLflow's clients read no such file.
        last = f"{names[1]}=$(cat {shlex.quote(path)})" if options.mlflow else f"{names[1]}_FILE={path}"
    _say(options, facts, f"export {names[0]}={facts['address']}\nexport {last}")
    return 0


def _logs(options: argparse.Namespace, path: str) -> int:
    try:
        with open(path, "rb") as file:
            show.log(options, "service.log", iter(lambda: file.read(1 << 16), b""))
    except FileNotFoundError:
        raise NotFoundException(f"The service has not written a log yet ({path}).") from None
    return 0
