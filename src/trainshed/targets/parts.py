"""Parts of a target, which runs can name.

``cluster:gpu`` is partition ``gpu`` of the Slurm target ``cluster``; ``lab:gpu1`` is host ``gpu1`` of the pool ``lab``.
"""

from __future__ import annotations

from trainshed.errors import ComputeTargetException, did_you_mean
from trainshed.targets.kind import Record
from trainshed.targets.pool import POOL, host_of
from trainshed.targets.slurm import SLURM


def whole_of(name: str) -> str:
    """Return the name of the target of which ``name`` may be a part.

    Example:
        >>> whole_of("cluster:gpu"), whole_of("local")
        ('cluster', 'local')
    """
    return name.partition(":")[0]


def part_of(record: Record, name: str) -> Record:
    """Return the record of a part of a target.

    Args:
        record: of the target.
        name: of the part, with that of the target.

    Raises:
        ComputeTargetException: it has no such part.

    Example:
        >>> part_of({"name": "cluster", "kind": "slurm", "slots": 9}, "cluster:gpu")
        {'name': 'cluster:gpu', 'kind': 'slurm', 'slots': 9, 'partition': 'gpu'}
    """
    whole, _, part = name.partition(":")
    if record["kind"] == SLURM and part:
        return {**record, "name": name, "partition": part}
    if record["kind"] == POOL:
        if part not in record["hosts"]:
            raise ComputeTargetException(
                f"Pool '{whole}' has no host '{part}'. Available: {', '.join(record['hosts'])}."
                + did_you_mean(part, record["hosts"])
            )
        return host_of(record, part)
    raise ComputeTargetException(
        f"'{name}': target '{whole}' has no parts to choose from; Slurm targets have partitions, and pools have hosts. "
        f"Use '{whole}'."
    )
