"""Compute targets: the machines and clusters that execute runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.checks import check_names
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


class ComputeTargetProvisioningConfiguration:
    """Base class of configurations for new targets. Returned by ``provisioning_configuration`` of a target's class.

    Args:
        type: kind of the target in SDK v1, e.g. ``"AmlCompute"``.
        location: stored for display only.
    """

    def __init__(self, type: str, location: str | None) -> None:
        self.type = type
        self.location = location

    def validate_configuration(self) -> None:
        """Check the configuration. Nothing is to be checked, unless a subclass says so."""


class ComputeTargetAttachConfiguration:
    """Base class of configurations for existing machines. Returned by ``attach_configuration`` of a target's class.

    Args:
        type: kind of the target in SDK v1, e.g. ``"VirtualMachine"``.
    """

    def __init__(self, type: str) -> None:
        self.type = type

    def validate_configuration(self) -> None:
        """Check the configuration. Nothing is to be checked, unless a subclass says so."""


class ComputeTarget:
    """A compute target of a workspace. The constructor returns an instance of the target's own subclass.

    Args:
        workspace: workspace of the target.
        name: name of the target, e.g. ``"local"``.

    Raises:
        ComputeTargetException: the target does not exist. The message begins with ``ComputeTargetNotFound`` and
            lists the existing targets.

    Example:
        >>> ComputeTarget(ws, "local").slots
        2
    """

    _kinds: ClassVar[dict[str, builtins.type[ComputeTarget]]] = {}
    """Kind of target, or its compute type in SDK v1 → class. Subclasses register themselves."""

    def __init_subclass__(cls, kind: str | None = None) -> None:
        """Register a subclass.

        Args:
            kind: kind of target that the class represents.
        """
        if kind is not None:
            cls._kinds[kind] = cls

    def __new__(cls, workspace: WorkspaceLike, name: str, **kwargs: Any) -> ComputeTarget:  # noqa: PYI034 - a subclass
        """Create an instance of the class registered for the target's kind."""
        if not isinstance(name, str):
            raise ComputeTargetException(f"ComputeTarget: 'name' must be a str, not {type(name).__name__}.")
        record = kwargs.get("_record") or workspace.connection.call("GET", quoted("targets", name))
        target = object.__new__(cls._class_of(record))
        target._record = record
        if not isinstance(target, cls):
            raise ComputeTargetException(f"'{name}' is a {type(target).__name__}, not a {cls.__name__}.")
        return target

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
        """Create a compute target, or update the cluster with this name.

        Args:
            workspace: workspace in which to create the target.
            name: letters, digits, ``-`` and ``_``.
            provisioning_configuration: e.g. ``AmlCompute.provisioning_configuration(max_nodes=4)``.

        Raises:
            UserErrorException: the name is invalid, or ``provisioning_configuration`` is not a configuration.
            ComputeTargetException: this kind of target is not supported.

        Example:
            >>> config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
            >>> ComputeTarget.create(ws, "cpu-cluster", config).wait_for_completion()
        """
        if not hasattr(provisioning_configuration, "_create"):
            raise UserErrorException(
                "provisioning_configuration must be created by the target's class, e.g. "
                "AmlCompute.provisioning_configuration(max_nodes=4); this is a "
                f"{type(provisioning_configuration).__name__}."
            )
        target: ComputeTarget = provisioning_configuration._create(workspace, name)
        return target

    @staticmethod
    def attach(workspace: WorkspaceLike, name: str, attach_configuration: Any = None, **old: Any) -> ComputeTarget:
        """Attach an existing machine, if it can be used.

        Args:
            workspace: workspace to attach the target to.
            name: name of the target.
            attach_configuration: e.g. ``RemoteCompute.attach_configuration("me", address="192.0.2.1")``.
            old: ``attach_config``, as it was called in January 2019.

        Raises:
            ComputeTargetException: the machine cannot be used, or this kind of target is not supported.
        """
        attach_configuration = old.pop("attach_config", attach_configuration)
        check_names("ComputeTarget.attach", old, ("workspace", "name", "attach_configuration"))
        return ComputeTarget.create(workspace, name, attach_configuration)

    @staticmethod
    def map(workspace: WorkspaceLike, name: str, target: str) -> ComputeTarget:
        """Have a name stand for a target (ours), so that programs which create or use a cluster of this name run there.

        Args:
            workspace: workspace of both.
            name: what the programs call their cluster, e.g. ``"cpu-cluster"``. It need not exist, and may be created
                and deleted as before.
            target: name of a target; for a partition of a Slurm target, ``"<target>:<partition>"``.

        Returns:
            The target as the programs see it: an :class:`AmlCompute`.

        Raises:
            ComputeTargetException: there is no such target, the name is that of another one, or it has unfinished runs.

        Example:
            >>> ComputeTarget.map(ws, "cpu-cluster", "local").name
            'cpu-cluster'
        """
        record = workspace.connection.call("PUT", f"{quoted('targets', name)}/map", {"target": target})
        return ComputeTarget(workspace, name, _record=record)

    @staticmethod
    def unmap(workspace: WorkspaceLike, name: str) -> None:
        """Have a name stand for no other target any more (ours). Runs that were submitted go on where they are.

        Args:
            workspace: its workspace.
            name: the name.

        Raises:
            ComputeTargetException: it stands for no other target.

        Example:
            >>> ComputeTarget.unmap(ws, "cpu-cluster")
        """
        workspace.connection.call("DELETE", f"{quoted('targets', name)}/map")

    @staticmethod
    def list(workspace: WorkspaceLike) -> builtins.list[ComputeTarget]:
        """Return all compute targets of a workspace."""
        records = workspace.connection.call("GET", "/targets")["targets"]
        return [ComputeTarget(workspace, record["name"], _record=record) for record in records]

    @property
    def id(self) -> str:
        """Same as ``name``."""
        return self.name

    @property
    def grace_seconds(self) -> float | None:
        """Seconds between SIGTERM and SIGKILL when a run on it is ended (ours); None for the service's (30)."""
        found: float | None = self._record.get("grace_seconds")
        return found

    @grace_seconds.setter
    def grace_seconds(self, seconds: float | None) -> None:
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), {"grace_seconds": seconds})

    @property
    def cluster_resource_id(self) -> str:
        """Same as ``name``."""
        return self.name

    @property
    def status(self) -> Any:
        """Current status, as returned by :meth:`get_status`."""
        return self.get_status()

    def get_status(self) -> Any:
        """Return the provisioning state, which is always ``"Succeeded"``."""
        return self.provisioning_state

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Return immediately. Targets need no provisioning.

        Args:
            show_output: print the provisioning state.
            is_delete_operation: ignored.
        """
        if show_output:
            say(f"{self.name}: {self.provisioning_state}")

    def refresh_state(self) -> None:
        """Reload the target's settings from the service."""
        reloaded = ComputeTarget(self.workspace, self.name)
        self.__dict__.update(reloaded.__dict__)

    def delete(self) -> None:
        """Delete the compute target.

        Raises:
            ComputeTargetException: the target is ``"local"``, or it has unfinished runs.
        """
        self.workspace.connection.call("DELETE", quoted("targets", self.name))

    def detach(self) -> None:
        """Raise an error, except for machines that were attached.

        Raises:
            ComputeTargetException: the target was created.
        """
        raise ComputeTargetException(
            f"'{self.name}' was not attached, so it cannot be detached. Use delete() to remove it."
        )

    def get_active_runs(
        self, type: str | None = None, tags: Labels = None, properties: Labels = None, status: str | None = None
    ) -> Iterator[RunLike]:
        """Yield the target's unfinished runs, newest first.

        Args:
            type: only runs of this type.
            tags: only runs with this tag, or with these tag values.
            properties: only runs with this property, or with these property values.
            status: only runs with this status.
        """
        query = {"target": self.name, "type": type, "status": status}
        for run in runs_of(self.workspace, query, tags, properties):
            if not is_terminal(run.get_status()):
                yield run

    def serialize(self) -> dict[str, Any]:
        """Return the target's settings as a JSON-serializable dict."""
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
        """Return the compute target described by a result of :meth:`serialize`.

        Args:
            workspace: workspace of the target.
            object_dict: result of :meth:`serialize`.

        Raises:
            ComputeTargetException: the target does not exist, or ``object_dict`` has no name.
        """
        if not isinstance(object_dict, dict) or not object_dict.get("name"):
            raise ComputeTargetException("deserialize needs the result of serialize(): a dict with a name.")
        return ComputeTarget(workspace, str(object_dict["name"]))

    def __repr__(self) -> str:
        names = ("workspace", "name", "id", "type", "provisioning_state", "location", "tags")
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else utc(seconds)


class MachineTarget(ComputeTarget):
    """Base class of targets that are one machine, with a number of slots."""

    @property
    def slots(self) -> int:
        """Number of one-slot runs that can run at the same time. Default: the number of CPU cores of the machine."""
        return int(self._record["slots"])

    @slots.setter
    def slots(self, number: int) -> None:
        self._record = self.workspace.connection.call("PUT", quoted("targets", self.name), {"slots": number})


class LocalTarget(MachineTarget, kind=LOCAL):
    """The service's machine.

    Example:
        >>> ws.compute_targets["local"].slots > 0
        True
    """
