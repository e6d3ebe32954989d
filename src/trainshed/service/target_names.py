"""Names that stand for targets: what a program calls its cluster, and where the workspace has its runs run."""

from __future__ import annotations

from typing import Any

from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.spec.checks import is_name
from trainshed.spec.run import LOCAL
from trainshed.store.registry import Registry
from trainshed.targets.cluster import CLUSTER
from trainshed.targets.parts import whole_of

STANDS_FOR = "stands_for"
"""Key in the record of such a name, as it is shown: the target."""
_KIND = "target_name"
Record = dict[str, Any]


class TargetNames:
    """The names of a workspace that stand for targets.

    Args:
        records: the table of named records.
    """

    def __init__(self, records: Registry) -> None:
        self._records = records

    def all(self) -> dict[str, str]:
        """Return name → target."""
        return {each["name"]: each["target"] for each in self._records.list(_KIND)}

    def resolved(self, name: str) -> str:
        """Return the target that a name stands for; any other name stands for itself."""
        return self.all().get(name, name)

    def set(self, name: str, target: str, kind: str | None) -> None:
        """Have a name stand for a target.

        Args:
            name: the name, such as that of an ``AmlCompute``.
            target: the target, which exists.
            kind: what kind of target has this name now.

        Raises:
            ComputeTargetException: this name, or this target, cannot be used so.
            UserErrorException: the name cannot be that of a target.
        """
        if not is_name(name):
            raise UserErrorException(f"Invalid target name {name!r}. Use letters, digits, '-' and '_'.")
        known = self.all()
        if name == LOCAL or kind not in (None, CLUSTER):
            raise ComputeTargetException(
                f"'{name}' cannot stand for another target: it is one itself. Choose the name that the program gives "
                "its cluster."
            )
        if whole_of(target) == name:
            raise ComputeTargetException(f"'{name}' cannot stand for itself.")
        if target in known:
            raise ComputeTargetException(f"'{target}' itself stands for '{known[target]}'. Map '{name}' to that.")
        others = sorted(other for other, whole in known.items() if whole_of(whole) == name)
        if others:
            raise ComputeTargetException(
                f"'{others[0]}' stands for '{name}', which so cannot stand for another target. Map both to '{target}'."
            )
        self._records.put(_KIND, name, {"name": name, "target": target})

    def drop(self, name: str) -> None:
        """Have a name stand for itself again.

        Raises:
            ComputeTargetException: it does.
        """
        known = self.all()
        if name not in known:
            listed = f" Names that do: {', '.join(sorted(known))}." if known else ""
            raise ComputeTargetException(f"'{name}' does not stand for another target.{listed}")
        self._records.delete(_KIND, name)

    def check_unused(self, target: str) -> None:
        """Raise if a name stands for a target that is about to be removed.

        Raises:
            ComputeTargetException: one does.
        """
        for name, whole in self.all().items():
            if whole_of(whole) == target:
                raise ComputeTargetException(
                    f"'{name}' stands for '{whole}'. Remove that first: trainshed target unmap {name}"
                )

    def shown(self, records: list[Record]) -> list[Record]:
        """Return the records of targets, with those of all names.

        Args:
            records: of the targets.
        """
        known = {record["name"]: record for record in records}
        for name, target in self.all().items():
            whole = known.get(whole_of(target), {})
            nodes = whole.get("max_nodes") or whole.get("slots") or 1
            made = {"name": name, "kind": CLUSTER, "compute_type": "AmlCompute", "min_nodes": 0, "max_nodes": nodes}
            known[name] = {**known.get(name, made), STANDS_FOR: target}
        return [known[name] for name in sorted(known)]
