"""The kind of target that is several hosts: each run gets one that has room, or as many as it has nodes."""

from __future__ import annotations

from typing import Any

from trainshed.errors import ComputeTargetException, InternalException, UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.spec.shape import check_count, check_one_node
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, NothingToProve, Record
from trainshed.targets.ssh import SSH, SshHost

POOL = "pool"
_OF_THE_POOL = ("hosts", "slots", "slots_each", "cores")


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
        if "host" in record:
            raise UserErrorException(f"Target '{record['name']}' has hosts, so it can have no setting 'host'.")
        given = {key: value for key, value in record.items() if value is not None}
        whole: Record = {}
        for host in hosts:
            whole = SshHost().check({**_shared(given), "name": record["name"], "host": host})
        del whole["host"]
        whole.update(kind=POOL, hosts=hosts, cores=dict(given.get("cores", {})))
        if "slots_each" in given:
            whole["slots_each"] = given["slots_each"]
        whole["slots"] = sum(_slots(whole, host) for host in hosts)
        return whole

    def slots(self, record: Record, /) -> int:
        """Return the slots of all hosts together."""
        return int(record["slots"])

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse several nodes, and more slots than the largest host has; see :meth:`Kind.admit`."""
        check_one_node(spec.node_count, spec.target)
        most = max(_slots(record, host) for host in record["hosts"])
        if spec.slots > most:
            raise UserErrorException(
                f"The run requests {spec.slots} slots, but no host of '{spec.target}' has more than {most}. Request "
                f"fewer, or raise the number: trainshed target {record['name']} --slots {spec.slots}"
            )

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Raise: each host has its own."""
        raise InternalException(f"Target '{record['name']}' is a pool: its hosts run runs.")


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
    own: dict[str, Any] = {"name": f"{record['name']}:{host}", "kind": SSH, "host": host}
    return SshHost().check({**_shared(record), **own, "slots": _slots(record, host)})


def _shared(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in _OF_THE_POOL}


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
    for name, what in (("system", "are of different kinds"), ("runs", "have their folders in different places")):
        found = {each[name]: record["host"] for record, each in zip(records, facts, strict=True)}
        if len(found) > 1:
            told = ", ".join(f"{place} on {host}" for place, host in found.items())
            mend = ". Name a folder that all of them can have: --folder" if name == "runs" else ""
            raise ComputeTargetException(f"The hosts cannot be a pool: they {what} ({told}){mend}.")
    return {
        **facts[0],
        "host": ", ".join(str(each["host"]) for each in facts),
        "cores": sum(each["cores"] for each in facts),
        "gpus": [gpu for each in facts for gpu in each["gpus"]],
        "free": min(each["free"] for each in facts),
    }
