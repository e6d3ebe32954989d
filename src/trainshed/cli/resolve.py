"""Resolve the workspace and the run that the user named."""

from __future__ import annotations

import argparse
import os

from trainshed.api.runs.run import Run
from trainshed.api.workspace.workspace import Workspace
from trainshed.client import locations, remote
from trainshed.errors import NotFoundException, UserErrorException

LAST = "@last"
_MANY = 1000


def workspace(options: argparse.Namespace, create: bool = False) -> Workspace:
    """Return the workspace named by the options, the environment or a configuration file, or the default one.

    Args:
        options: the options of the command.
        create: create it if it does not exist and is the default workspace or was named by its path.

    Raises:
        WorkspaceException: the workspace does not exist.
    """
    if options.service:
        return Workspace.from_service(options.service)
    root = None if remote.address() and not options.workspace else locations.chosen(options.workspace, create)
    if root is not None:
        return Workspace(path=root)
    if not create and not remote.address() and locations.search(os.getcwd()) is None:
        locations.find(locations.DEFAULT, create=False)
    return Workspace.from_config()


def run(options: argparse.Namespace) -> Run:
    """Return the run named by ``options.run_name``.

    Raises:
        NotFoundException: no such run.
        UserErrorException: several runs match.
    """
    return named(workspace(options), str(options.run_name))


def named(where: Workspace, name: str) -> Run:
    """Return the run with an id, with an id that begins with ``name``, or the newest for ``@last``; see :func:`run`."""
    if not name:
        raise UserErrorException("RUN is empty. Use a run id, the beginning of one, or @last. See: trainshed runs")
    if name == LAST:
        newest = where.connection.call("GET", "/runs", query={"limit": 1})["runs"]
        if not newest:
            raise NotFoundException("There are no runs yet. Submit one: trainshed submit DIR --script train.py")
        return where.get_run(newest[0]["id"])
    try:
        return where.get_run(name)
    except NotFoundException:
        known = [record["id"] for record in where.connection.call("GET", "/runs", query={"limit": _MANY})["runs"]]
        matches = [run_id for run_id in known if run_id.startswith(name)]
        # The ids of a sweep's runs begin with that of the sweep.
        matches = [each for each in matches if all(other.startswith(each) for other in matches)] or matches
        if len(matches) > 1:
            raise UserErrorException(
                f"{len(matches)} run ids begin with '{name}', such as {matches[0]} and {matches[1]}. "
                "Type more of the run id."
            ) from None
        if not matches:
            raise
        return where.get_run(matches[0])
