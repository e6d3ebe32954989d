"""Which workspace and which run the user means."""

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
    """Return the workspace that the options, the environment or a configuration file name, or the default one.

    Args:
        options: the command's.
        create: make it if it does not exist and may be made: the default one, or one named by its path.

    Raises:
        WorkspaceException: it does not exist.
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
    """Return the run that is meant.

    Args:
        options: what was typed.

    Raises:
        NotFoundException: no run of this name.
        UserErrorException: several.
    """
    return named(workspace(options), str(options.run_name))


def named(where: Workspace, name: str) -> Run:
    """Return the run of a name; parameters and exceptions as for :func:`run`."""
    if not name:
        raise UserErrorException("RUN is empty. Give a run id, the beginning of one, or @last. See: trainshed runs")
    if name == LAST:
        newest = where.connection.call("GET", "/runs", query={"limit": 1})["runs"]
        if not newest:
            raise NotFoundException("There are no runs yet. Submit one: trainshed submit DIR --script train.py")
        return where.get_run(newest[0]["id"])
    try:
        return where.get_run(name)
    except NotFoundException:
        known = [record["id"] for record in where.connection.call("GET", "/runs", query={"limit": _MANY})["runs"]]
        meant = [run_id for run_id in known if run_id.startswith(name)]
        if len(meant) > 1:
            raise UserErrorException(
                f"{len(meant)} runs begin with '{name}', such as {meant[0]} and {meant[1]}. Write more of the id."
            ) from None
        if not meant:
            raise
        return where.get_run(meant[0])
