"""Parts of a target, which runs can name: ``cluster:gpu`` is partition ``gpu`` of the Slurm target ``cluster``."""

from __future__ import annotations

from trainshed.errors import ComputeTargetException
from trainshed.targets.kind import Record
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
        ComputeTargetException: targets of this kind have no parts.

    Example:
        >>> part_of({"name": "cluster", "kind": "slurm", "slots": 9}, "cluster:gpu")
        {'name': 'cluster:gpu', 'kind': 'slurm', 'slots': 9, 'partition': 'gpu'}
    """
    whole, _, part = name.partition(":")
    if record["kind"] != SLURM or not part:
        raise ComputeTargetException(
            f"'{name}': target '{whole}' has no parts to choose from, as Slurm targets have: partitions. Use '{whole}'."
        )
    return {**record, "name": name, "partition": part}
