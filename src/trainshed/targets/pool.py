"""The kind of target that is several hosts: each run gets one that has room, or as many as it has nodes."""

from __future__ import annotations

import zlib
from typing import Any

from trainshed.errors import ComputeTargetException, InternalException, UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.spec.shape import check_count
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, NothingToProve, Record, check_slots
from trainshed.targets.pool_engine import PoolEngine
from trainshed.targets.ssh import SSH, SshHost, place_of, way_of

POOL = "pool"
_OF_THE_POOL = ("hosts", "slots", "slots_each", "cores", "addresses", "apart")


class Pool(NothingToProve):
    """Hosts over SSH with the same settings; what differs, the ssh configuration says."""

    name = POOL

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        hosts = record.get("hosts")
        if not isinstance(hosts, list) or not hosts or not all(isinstance(host, str) for host in hosts):
            raise UserErrorException(
                f"Target '{record['name']}': hosts is {hosts!r}; give a list of hosts of your ssh configuration, such "
                "as ['gpu1', 'gpu2']."
            )
        twice = next((host for host in hosts if hosts.count(host) > 1), None)
        if twice:
            raise UserErrorException(f"Target '{record['name']}': host '{twice}' is named twice.")
        if record.get("slots_each") is not None:
            check_count("slots_each", record["slots_each"])
        addresses = record.get("addresses") or {}
        if not isinstance(addresses, dict) or not all(
            host in hosts and _is_address(addresses[host]) for host in addresses
        ):
            raise UserErrorException(
                f"Target '{record['name']}': addresses is {addresses!r}; give a dict from hosts of the pool to the "
                "addresses by which the other hosts reach them."
            )
        if "host" in record:
            raise UserErrorException(f"Target '{record['name']}' has hosts, so it can have no setting 'host'.")
        given = {key: value for key, value in record.items() if value is not None}
        whole: Record = {}
        for host in hosts:
            whole = SshHost().check({**_shared(given), "name": record["name"], "host": host})
        del whole["host"]
        whole.update(kind=POOL, hosts=hosts, cores=dict(given.get("cores", {})), apart=bool(given.get("apart")))
        whole.update({key: given[key] for key in ("slots_each", "addresses") if key in given})
        whole["slots"] = sum(_slots(whole, host) for host in hosts)
        return whole

    def slots(self, record: Record, /) -> int:
        """Return the slots of all hosts together."""
        return int(record["slots"])

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse more nodes than hosts, and more slots than the largest has; see :meth:`Kind.admit`."""
        _check_nodes(spec, len(record["hosts"]))
        most = max(_slots(record, host) for host in record["hosts"])
        if spec.slots > most:
            raise UserErrorException(
                f"The run requests {spec.slots} slots, but no host of '{spec.target}' has more than {most}. Request "
                f"fewer, or raise the number: trainshed target {record['name']} --slots {spec.slots}"
            )

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Raise: each host has its own."""
        raise InternalException(f"Target '{record['name']}' is a pool: its hosts run runs.")


class PoolHost(SshHost):
    """One host of a pool, which is the first of those runs on several hosts that it has."""

    name = "pool host"

    def check(self, record: Record, /) -> Record:
        """Raise: it exists with its pool, and has its settings; see :meth:`Kind.check`."""
        raise UserErrorException(f"'{record['name']}' is a host of a pool. Change the pool.")

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse more nodes than hosts, and more slots than there are; see :meth:`Kind.admit`."""
        _check_nodes(spec, len(record["pool"]["hosts"]))
        check_slots(spec._replace(node_count=1), self.slots(record))

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return shims on the host, and for runs of several nodes on others of the pool."""
        whole = record["pool"]
        own = {host: _part(whole, host) for host in whole["hosts"]}
        reached = {host: machines.reach(way_of(each), each["patience"], place_of(each)) for host, each in own.items()}
        machine = reached.pop(record["host"])

        def address(host: str) -> str:
            return str(whole.get("addresses", {}).get(host) or way_of(own[host]).address())

        def let_go() -> None:
            for each in reached.values():
                machines.release(each)

        return PoolEngine(machine, reached.__getitem__, address, let_go)


def _check_nodes(spec: RunSpec, hosts: int) -> None:
    if spec.node_count > hosts:
        raise UserErrorException(
            f"The run requests {spec.node_count} nodes, but pool '{spec.target.partition(':')[0]}' has {hosts} hosts. "
            "Request fewer."
        )
    if spec.node_count > 1 and spec.container is not None:
        raise UserErrorException(
            f"The run requests {spec.node_count} nodes and an image, which do not go together on a pool yet. Leave out "
            "the image, or use one node with several processes (process_count_per_node)."
        )
    if spec.node_count > 1 and spec.parameter_server_count:
        raise UserErrorException(
            "Parameter servers on the hosts of a pool are not supported yet. Use workers alone "
            "(MultiWorkerMirroredStrategy), or one node."
        )


def hosts_of(record: Record) -> list[Record]:
    """Return the records of what a target consists of: the hosts of a pool, any other target itself.

    Args:
        record: of the target.
    """
    if record["kind"] != POOL:
        return [record]
    return [host_of(record, host) for host in record["hosts"]]


def host_of(record: Record, host: str) -> Record:
    """Return the record of one host of a pool, a target like any other.

    Args:
        record: of the pool.
        host: one of its hosts.
    """
    return {**_part(record, host), "kind": PoolHost.name, "pool": record}


def _part(record: Record, host: str) -> Record:
    own: dict[str, Any] = {"name": f"{record['name']}:{host}", "kind": SSH, "host": host}
    if record.get("apart"):
        own["apart"] = f"{zlib.crc32(host.encode()):08x}"
    return SshHost().check({**_shared(record), **own, "slots": _slots(record, host)})


def _shared(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in _OF_THE_POOL}


def _is_address(text: object) -> bool:
    return isinstance(text, str) and bool(text) and text.isprintable() and not set(text) & set(" ,:@/-'\"\\$") - {"-"}


def _slots(record: Record, host: str) -> int:
    return int(record.get("slots_each") or record.get("cores", {}).get(host) or 1)


def together(records: list[Record], facts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the hosts of a pool have, as the facts of one machine.

    Args:
        records: of the hosts.
        facts: of each.

    Raises:
        ComputeTargetException: they are too different for one pool.
    """
    found = {each["system"]: record["host"] for record, each in zip(records, facts, strict=True)}
    if len(found) > 1:
        told = ", ".join(f"{host} is {kind}" for kind, host in found.items())
        raise ComputeTargetException(f"The hosts cannot be a pool, because they are of different kinds: {told}.")
    return {
        **facts[0],
        "host": ", ".join(str(each["host"]) for each in facts),
        "cores": sum(each["cores"] for each in facts),
        "gpus": [gpu for each in facts for gpu in each["gpus"]],
        "free": min(each["free"] for each in facts),
    }
