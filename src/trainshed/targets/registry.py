"""The table of kinds of targets. A new kind is a file beside this one and a row here."""

from __future__ import annotations

from trainshed.errors import ComputeTargetException, UserErrorException, did_you_mean
from trainshed.targets.cluster import Cluster
from trainshed.targets.kind import Kind, Record
from trainshed.targets.local import Local
from trainshed.targets.pool import Pool, PoolHost
from trainshed.targets.remote import Remote
from trainshed.targets.slurm import Slurm
from trainshed.targets.ssh import SshHost

_KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (Local(), Cluster(), Remote(), SshHost(), Pool(), PoolHost(), Slurm())
}


def kind_of(record: Record) -> Kind:
    """Return the kind of a target.

    Args:
        record: the target's.

    Raises:
        UserErrorException: there is no such kind.
    """
    kind = str(record.get("kind"))
    if kind not in _KINDS:
        raise UserErrorException(
            f"A target has no kind '{kind}'. Available: {', '.join(sorted(_KINDS))}.{did_you_mean(kind, _KINDS)}"
        )
    return _KINDS[kind]


def unknown(name: str, known: list[str]) -> ComputeTargetException:
    """Return the error for a target that does not exist.

    Args:
        name: what was asked for.
        known: the targets there are.
    """
    return ComputeTargetException(
        f"ComputeTargetNotFound: there is no compute target '{name}'. Available: {', '.join(sorted(known))}."
        + did_you_mean(name, known)
    )
