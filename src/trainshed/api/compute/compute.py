"""Compute targets: where runs run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.runs.run_tree import runs_of
from trainshed.api.times import utc
from trainshed.client.http import quoted
from trainshed.client.notice import say
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.spec.run import LOCAL
from trainshed.spec.states import is_terminal

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from trainshed.api.protocols import Labels, RunLike, WorkspaceLike


class ComputeTarget:
    """A compute target of a workspace; calling this returns an object of the target's own class.

    Args:
        workspace: the workspace.
        name: the target's name, e.g. ``"local"``.

    Raises:
        ComputeTargetException: no such target; the message begins with ``ComputeTargetNotFound`` and names
            those there are.

    Example:
        >>> ComputeTarget(ws, "local").slots
        2
    """

    _kinds: ClassVar[dict[str, builtins.type[ComputeTarget]]] = {}
    """Kind of a target, or v1's name for it → its class; each of them is entered when it is made."""

    def __init_subclass__(cls, kind: str | None = None) -> None:
        """Enter the class among the kinds of targets."""
        if kind is not None:
            cls._kinds[kind] = cls

    def __new__(cls, workspace: WorkspaceLike, name: str, **kwargs: Any) -> ComputeTarget:  # noqa: PYI034 - it differs
        """Choose the class by the target's kind."""
        if not isinstance(name, str):
            raise ComputeTargetException(f"ComputeTarget: 'name' must be a str, not {type(name).__name__}.")
        record = kwargs.get("_record") or workspace.connection.call("GET", quoted("targets", name))
        made = object.__new__(cls._class_of(record))
        made._record = record
        if not isinstance(made, cls):
            raise ComputeTargetException(f"'{name}' is a {type(made).__name__}, not a {cls.__name__}.")
        return made

    @classmethod
    def _class_of(cls, record: dict[str, Any]) -> builtins.type[ComputeTarget]:
        return cls._kinds.get(record.get("compute_type") or "") or cls._kinds.get(record["kind"], ComputeTarget)

    def __init__(self, workspace: WorkspaceLike, name: str, **_: Any) -> None:
        self._record: dict[str, Any]
        self.workspace = workspace
        self.name = name
        self.type = str(self._record.get("compute_type") or self._record["kind"])
        self.location = str(self._record.get("location") or "local")
        self.description: str | None = self._record.get("description")
        self.tags: dict[str, str] = dict(self._record.get("tags") or {})
        self.created_on = _moment(self._record.get("created"))
        self.modified_on = _moment(self._record.get("modified"))
        self.is_attached = False
        self.provisioning_errors: Any = None
        self.provisioning_state = "Succeeded"

    @staticmethod
    def create(workspace: WorkspaceLike, name: str, provisioning_configuration: Any) -> ComputeTarget:
        """Make a compute target.

        Args:
            workspace: where it belongs.
            name: its name: letters, digits, ``-`` and ``_``. Where there is a cluster of this name, it is changed.
            provisioning_configuration: e.g. ``AmlCompute.provisioning_configuration(max_nodes=4)``.

        Raises:
            UserErrorException: a name that cannot be used, or no configuration.
            ComputeTargetException: a kind of target that cannot be made here.

        Example:
            >>> config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
            >>> ComputeTarget.create(ws, "cpu-cluster", config).wait_for_completion()
        """
        if not hasattr(provisioning_configuration, "_create"):
            raise UserErrorException(
                "provisioning_configuration must come from the class of the target, e.g. "
                "AmlCompute.provisioning_configuration(max_nodes=4); this is a "
                f"{type(provisioning_configuration).__name__}."
            )
        made: ComputeTarget = provisioning_configuration._create(workspace, name)
        return made

    @staticmethod
    def attach(workspace: WorkspaceLike, name: str, attach_configuration: Any) -> ComputeTarget:
        """Attach a machine or a cluster that exists elsewhere.

        Args:
            workspace: where it belongs.
            name: its name.
            attach_configuration: from the class of the target.

        Raises:
            ComputeTargetException: always, in this release: runs run on this machine.
        """
        return ComputeTarget.create(workspace, name, attach_configuration)

    @staticmethod
    def list(workspace: WorkspaceLike) -> builtins.list[ComputeTarget]:
        """Return all targets of a workspace."""
        records = workspace.connection.call("GET", "/targets")["targets"]
        return [ComputeTarget(workspace, record["name"], _record=record) for record in records]

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    @property
    def cluster_resource_id(self) -> str:
        """Its name."""
        return self.name

    @property
    def status(self) -> Any:
        """Its state; see :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> Any:
        """Return its state: ``"Succeeded"``, for what exists is ready."""
        return self.provisioning_state

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Return at once: what exists is ready."""
        if show_output:
            say(f"{self.name}: {self.provisioning_state}")

    def refresh_state(self) -> None:
        """Read its settings again."""
        fresh = ComputeTarget(self.workspace, self.name)
        self.__dict__.update(fresh.__dict__)

    def delete(self) -> None:
        """Delete it.

        Raises:
            ComputeTargetException: it is this machine, or runs of it have not ended.
        """
        self.workspace.connection.call("DELETE", quoted("targets", self.name))

    def detach(self) -> None:
        """Refuse: nothing has been attached.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException(
            f"'{self.name}' was not attached, so it cannot be detached. Use delete() to remove it."
        )

    def get_active_runs(
        self, type: str | None = None, tags: Labels = None, properties: Labels = None, status: str | None = None
    ) -> Iterator[RunLike]:
        """Yield the runs on it that have not ended, newest first.

        Args:
            type: only runs of this type.
            tags: only runs with this tag, or these tags.
            properties: likewise.
            status: only runs in this state.
        """
        query = {"target": self.name, "type": type, "status": status}
        for run in runs_of(self.workspace, query, tags, properties):
            if not is_terminal(run.get_status()):
                yield run

    def serialize(self) -> dict[str, Any]:
        """Return what is known of it as a dict of JSON types."""
        return {
            **self._record,
            "id": self.id,
            "computeType": self.type,
            "provisioningState": self.provisioning_state,
            "location": self.location,
            "tags": self.tags,
            "description": self.description,
        }

    @staticmethod
    def deserialize(workspace: WorkspaceLike, object_dict: dict[str, Any]) -> ComputeTarget:
        """Return the target that :meth:`serialize` described.

        Args:
            workspace: where it is.
            object_dict: what ``serialize`` gave.

        Raises:
            ComputeTargetException: no such target, or no such description.
        """
        if not isinstance(object_dict, dict) or not object_dict.get("name"):
            raise ComputeTargetException("deserialize needs the result of serialize(): a dict with a name.")
        return ComputeTarget(workspace, str(object_dict["name"]))

    def __repr__(self) -> str:
        names = ("workspace", "name", "id", "type", "provisioning_state", "location", "tags")
        told = {name: getattr(self, name) for name in names}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in told.items())})"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else utc(seconds)


class LocalTarget(ComputeTarget, kind=LOCAL):
    """This machine.

    Example:
        >>> ws.compute_targets["local"].slots > 0
        True
    """

    @property
    def slots(self) -> int:
        """How many slots its queue has: so many one-slot runs run at once. Unless set, the number of CPU cores."""
        return int(self._record["slots"])

    @slots.setter
    def slots(self, number: int) -> None:
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), {"slots": number})
