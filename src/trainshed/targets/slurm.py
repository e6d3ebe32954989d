"""The kind of target that is a Slurm cluster, whose commands are on this machine or on a login host."""

from __future__ import annotations

import os
from typing import Any

from trainshed.errors import UserErrorException, did_you_mean
from trainshed.machines.far_shell import unquotable
from trainshed.machines.machine import Machine
from trainshed.machines.ways import Command, Place, Way
from trainshed.spec.run import LOCAL, RunSpec
from trainshed.spec.shape import check_count, check_grace
from trainshed.spec.slurm import OPTIONS, SLOTS, check_options
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, Record, check_slots
from trainshed.targets.shared_folders import check_seen, check_shared
from trainshed.targets.slurm_commands import SlurmCommands
from trainshed.targets.slurm_engine import SlurmEngine
from trainshed.targets.ssh import check_way, way_of

SLURM = "slurm"
_SETTINGS = ("host", "config", "connect", "folder", "patience", "poll_seconds", "grace_seconds", "shared", *OPTIONS)
_SHOWN = ("description", "tags", "created", "modified")
_PATIENCE = 60
_POLL_SECONDS = 3


class Slurm:
    """Runs are jobs in the queue of a cluster; their directories are on a file system that its nodes share."""

    name = SLURM

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        if record["name"] == LOCAL or "compute_type" in record:
            raise UserErrorException(f"There is another target named '{record['name']}' already. Choose another name.")
        own = {name: value for name, value in record.items() if name not in ("name", "kind", *_SHOWN)}
        unknown = next((name for name in own if name not in _SETTINGS), None)
        if unknown:
            raise UserErrorException(f"A Slurm target has no setting '{unknown}'.{did_you_mean(unknown, _SETTINGS)}")
        options = check_options({name: own[name] for name in OPTIONS if name in own})
        connect, folder = own.get("connect"), own.get("folder")
        texts = isinstance(connect, list) and connect and all(isinstance(part, str) and part for part in connect)
        if connect is not None and not texts:
            raise UserErrorException(
                f"Target '{record['name']}': connect is {connect!r}; give the command that reaches the login host as a "
                "list, such as ['ssh', 'host'], or leave it out if Slurm's commands are on this machine."
            )
        if own.get("host") is not None:
            check_way(record)
        config = own.get("config")
        if config is not None and not (isinstance(config, str) and os.path.isfile(config)):
            raise UserErrorException(
                f"Target '{record['name']}': config is {config!r}, and there is no such file on the service's machine."
            )
        if folder is not None and not (isinstance(folder, str) and os.path.isabs(folder) and folder.isprintable()):
            raise UserErrorException(
                f"Target '{record['name']}': folder is {folder!r}; it must be the absolute path of a folder that all "
                "nodes of the cluster share."
            )
        if folder is not None and unquotable(folder):
            raise UserErrorException(
                f"Target '{record['name']}': folder is {folder!r}; a path with {unquotable(folder)!r} cannot be used."
            )
        shared = own.get("shared")
        if shared is not None and not isinstance(shared, list):
            raise UserErrorException(f"Target '{record['name']}': shared is {shared!r}; give a list of folders.")
        check_shared({"name": record["name"], "shared": shared or []})
        rest = {name: value for name, value in record.items() if name not in OPTIONS and value is not None}
        whole = {"slots": SLOTS, "patience": _PATIENCE, "poll_seconds": _POLL_SECONDS, **rest, **options}
        for name in ("patience", "poll_seconds"):
            check_count(name, whole[name])
        check_grace("grace_seconds", whole.get("grace_seconds"))
        return whole

    def prove(self, record: Record, machines: Machines, /) -> None:
        """Have Slurm check a job with these options, without submitting it; see :meth:`Kind.prove`."""
        machine = _machine(record, machines, trial=True)
        try:
            SlurmCommands(machine, record["name"], _options(record)).prove()
            for path in record.get("shared", ()):
                check_seen(machine, machine.facts()["host"], path)
        finally:
            machines.release(machine)

    def slots(self, record: Record, /) -> int:
        """Return how many slots may be in Slurm's queue at a time: its own limits decide how many runs run."""
        return int(record["slots"])

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse more slots than may be in the queue, and images on several nodes; see :meth:`Kind.admit`."""
        if spec.node_count > 1 and spec.container is not None:
            raise UserErrorException(
                f"The run requests {spec.node_count} nodes and an image, which do not go together on Slurm yet. Leave "
                "out the image, or use one node with several processes (process_count_per_node)."
            )
        check_slots(spec, self.slots(record))

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return jobs in the queue of the cluster."""
        commands = SlurmCommands(_machine(record, machines), record["name"], _options(record))
        return SlurmEngine(commands, float(record["patience"]), float(record["poll_seconds"]))


def _machine(record: Record, machines: Machines, trial: bool = False) -> Machine:
    """Return where Slurm's commands are: this machine, unless runs must not be in the folder of the workspace."""
    connect, folder = record.get("connect"), record.get("folder", "")
    if not (record.get("host") or connect or folder):
        return machines.here
    way: Way = way_of(record) if record.get("host") else Command(record["name"], tuple(connect or ("sh", "-c")))
    return machines.reach(way, record["patience"], Place(folder), trial=trial)


def _options(record: Record) -> dict[str, Any]:
    return {name: record[name] for name in OPTIONS if name in record}
