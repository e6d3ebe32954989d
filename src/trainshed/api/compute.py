"""Compute targets: where runs run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.client.http import quoted
from trainshed.errors import ComputeTargetException, did_you_mean

if TYPE_CHECKING:
    import builtins

    from trainshed.api.workspace import Workspace

LOCAL = "local"


class ComputeTarget:
    """A compute target of a workspace; calling this returns an object of the target's own class.

    Args:
        workspace: the workspace.
        name: the target's name, e.g. ``"local"``.

    Raises:
        ComputeTargetException: no such target; the message begins with ``ComputeTargetNotFound`` and names
            those there are.

    Example:
        >>> ComputeTarget(ws, "local").slots  # doctest: +SKIP
        2
    """

    def __new__(cls, workspace: Workspace, name: str, **_: Any) -> ComputeTarget:  # noqa: PYI034 - the class differs
        """Choose the class by the target's kind."""
        return object.__new__(LocalTarget if name == LOCAL else cls)

    def __init__(self, workspace: Workspace, name: str, *, _record: dict[str, Any] | None = None) -> None:
        if not isinstance(name, str):
            raise ComputeTargetException(f"ComputeTarget: 'name' must be a str, not {type(name).__name__}.")
        self.workspace = workspace
        self._record = _record or check_target(workspace, name)
        self.name = name
        self.type = str(self._record["kind"])
        self.location = "local"
        self.description: str | None = None
        self.tags: dict[str, str] = {}
        self.provisioning_errors: Any = None
        self.provisioning_state = "Succeeded"

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """Return all targets of a workspace.

        Args:
            workspace: the workspace.
        """
        return [ComputeTarget(workspace, record["name"], _record=record) for record in _records(workspace)]

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    @property
    def status(self) -> str:
        """Its state; see :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> str:
        """Return its state: ``"Succeeded"``, for what exists is ready."""
        return self.provisioning_state

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False, **_: Any) -> None:
        """Return at once: what exists is ready.

        Args:
            show_output: print that it is.
            is_delete_operation: accepted and not used.
        """
        if show_output:
            import sys

            sys.stdout.write(f"{self.name}: {self.provisioning_state}\n")

    def refresh_state(self) -> None:
        """Read its settings again."""
        self._record = check_target(self.workspace, self.name)

    def serialize(self) -> dict[str, Any]:
        """Return what is known of it as a dict of JSON types."""
        return {**self._record, "computeType": self.type, "provisioningState": self.provisioning_state}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name!r}, type={self.type!r})"


class LocalTarget(ComputeTarget):
    """This machine."""

    @property
    def slots(self) -> int:
        """How many slots its queue has: so many one-slot runs run at once. Unless set, the number of CPU cores."""
        return int(self._record["slots"])

    @slots.setter
    def slots(self, number: int) -> None:
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), {"slots": number})


def _records(workspace: Workspace) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = workspace.connection.call("GET", "/targets")["targets"]
    return records


def check_target(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return the record of a target.

    Args:
        workspace: the workspace.
        name: the target's name.

    Raises:
        ComputeTargetException: no such target; the sentence names those there are.
    """
    records = {record["name"]: record for record in _records(workspace)}
    if name in records:
        return records[name]
    raise ComputeTargetException(
        f"ComputeTargetNotFound: there is no compute target '{name}'; there is {', '.join(sorted(records))}."
        f"{did_you_mean(name, records)}"
    )
