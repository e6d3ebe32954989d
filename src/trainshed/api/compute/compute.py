"""Compute targets: where runs run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.notice import say
from trainshed.api.runs.details import utc
from trainshed.client.http import quoted
from trainshed.errors import ComputeTargetException, UserErrorException, did_you_mean
from trainshed.spec.states import is_terminal

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from trainshed.api.runs.run import Run
    from trainshed.api.workspace.workspace import Workspace

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

    def __new__(cls, workspace: Workspace, name: str, **kwargs: Any) -> ComputeTarget:  # noqa: PYI034 - it differs
        """Choose the class by the target's kind."""
        if not isinstance(name, str):
            raise ComputeTargetException(f"ComputeTarget: 'name' must be a str, not {type(name).__name__}.")
        record = kwargs.get("_record") or check_target(workspace, name)
        made = object.__new__(_class_of(record))
        made._record = record
        if not isinstance(made, cls):
            raise ComputeTargetException(f"'{name}' is a {type(made).__name__}, not a {cls.__name__}.")
        return made

    def __init__(self, workspace: Workspace, name: str, **_: Any) -> None:
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
    def create(workspace: Workspace, name: str, provisioning_configuration: Any) -> ComputeTarget:
        """Make a compute target.

        Args:
            workspace: where it belongs.
            name: its name: letters, digits, ``-`` and ``_``. Where there is a cluster of this name, it is changed.
            provisioning_configuration: e.g. ``AmlCompute.provisioning_configuration(max_nodes=4)``.

        Raises:
            UserErrorException: a name that cannot be used, or no configuration.
            ComputeTargetException: a kind of target that cannot be made here.

        Example:
            >>> config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)  # doctest: +SKIP
            >>> ComputeTarget.create(ws, "cpu-cluster", config).wait_for_completion()  # doctest: +SKIP
        """
        if not hasattr(provisioning_configuration, "_create"):
            raise UserErrorException(
                "provisioning_configuration comes from the class of the target, e.g. "
                "AmlCompute.provisioning_configuration(max_nodes=4); this is a "
                f"{type(provisioning_configuration).__name__}."
            )
        made: ComputeTarget = provisioning_configuration._create(workspace, name)
        return made

    @staticmethod
    def attach(workspace: Workspace, name: str, attach_configuration: Any) -> ComputeTarget:
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
        """Return at once: what exists is ready.

        Args:
            show_output: print that it is.
            is_delete_operation: accepted and not used.
        """
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
            f"'{self.name}' was not attached, so that it cannot be detached; delete() removes it."
        )

    def get_active_runs(
        self, type: str | None = None, tags: Any = None, properties: Any = None, status: str | None = None
    ) -> Iterator[Run]:
        """Yield the runs on it that have not ended, newest first.

        Args:
            type: only runs of this type.
            tags: only runs with this tag, or these tags.
            properties: likewise.
            status: only runs in this state.
        """
        from trainshed.api.runs.run import Run

        for run in Run.list_by_compute(self, type, tags, properties, status):
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
    def deserialize(workspace: Workspace, object_dict: dict[str, Any]) -> ComputeTarget:
        """Return the target that :meth:`serialize` described.

        Args:
            workspace: where it is.
            object_dict: what ``serialize`` gave.

        Raises:
            ComputeTargetException: no such target, or no such description.
        """
        if not isinstance(object_dict, dict) or not object_dict.get("name"):
            raise ComputeTargetException("deserialize takes what serialize() returned: a dict with a name.")
        return ComputeTarget(workspace, str(object_dict["name"]))

    def __repr__(self) -> str:
        told = {
            "workspace": self.workspace,
            "name": self.name,
            "id": self.id,
            "type": self.type,
            "provisioning_state": self.provisioning_state,
            "location": self.location,
            "tags": self.tags,
        }
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in told.items())})"


def _class_of(record: dict[str, Any]) -> builtins.type[ComputeTarget]:
    if record["kind"] == LOCAL:
        return LocalTarget
    from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute

    return BatchAiCompute if record.get("compute_type") == BatchAiCompute.TYPE else AmlCompute


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else utc(seconds)


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
