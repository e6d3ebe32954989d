"""A workspace: the folder in which runs, data and settings are kept, and the way to its service."""

from __future__ import annotations

import os

from trainshed.api.workspace.workspace_facts import WorkspaceFacts
from trainshed.client import locations, remote
from trainshed.client.http import quoted
from trainshed.client.notice import inform
from trainshed.errors import TYPE_CHECKING, WorkspaceException

if TYPE_CHECKING:
    import builtins
    from typing import Any, NoReturn

    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.configuration.environment import Environment
    from trainshed.api.data.dataset import Dataset
    from trainshed.api.data.datastore import Datastore
    from trainshed.api.data.model import Model
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run
    from trainshed.api.workspace.callable_dict import CallableDict
    from trainshed.api.workspace.keyvault import Keyvault


class Workspace(WorkspaceFacts):
    """A workspace on this machine.

    The one called ``"default"`` is made when it is first used; others by :meth:`create`. What v1 asks for besides the
    name is kept for display and decides nothing.

    Args:
        subscription_id: kept for display. If it is the only argument, it is taken as the name.
        resource_group: kept for display.
        workspace_name: the name; None means ``"default"``.
        path: folder of a workspace that lies elsewhere (ours); it excludes a name.
        service: address of its service, ``http://host:port`` (ours); it excludes a path. None: ``$TRAINSHED_SERVICE``,
            unless there is a path.
        token: what the service accepts (ours); None: ``$TRAINSHED_TOKEN_FILE`` or ``$TRAINSHED_TOKEN``.

    Raises:
        WorkspaceException: no such workspace.
        ServiceException: the service of that address cannot be reached.

    Example:
        >>> Workspace.from_config().name
        'default'
        >>> weather = Workspace.create("weather", exist_ok=True)
        >>> weather = Workspace.get("weather")
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: Any = None,
        _location: str | None = None,
        _disable_service_check: bool = False,
        _workspace_id: str | None = None,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        _cloud: str = "AzureCloud",
        *,
        path: str | os.PathLike[str] | None = None,
        service: str | None = None,
        token: str | None = None,
    ) -> None:
        if workspace_name is None and resource_group is None and subscription_id is not None:
            workspace_name, subscription_id = subscription_id, None
        if path is not None and workspace_name is not None:
            raise WorkspaceException("Pass either the workspace's name or its path, but not both.")
        self._connection = None
        self._root = None
        self._service = service or (remote.address() if path is None else None)
        if self._service is not None:
            self._connection = remote.connect(self._service, token)
            self._facts = self._connection.call("GET", "/workspace")
        else:
            self._root = (
                locations.find_path(path) if path is not None else locations.find(workspace_name or locations.DEFAULT)
            )
            self._facts = locations.facts_of(self._root)
        self._subscription_id = subscription_id or self._facts.get("subscription_id") or "local"
        self._resource_group = resource_group or self._facts.get("resource_group") or "local"
        self._check_name(workspace_name)

    @staticmethod
    def from_service(address: str | None = None, token: str | None = None) -> Workspace:
        """Return the workspace of a service that runs elsewhere, or as another user (ours).

        Such a workspace needs no folder in common with its service, and never starts or stops it.

        Args:
            address: ``http://host:port``; None: ``$TRAINSHED_SERVICE``.
            token: what the service accepts; None: ``$TRAINSHED_TOKEN_FILE`` or ``$TRAINSHED_TOKEN``.

        Raises:
            AuthenticationException: there is no token, or the service does not accept it.
            ServiceException: the service cannot be reached.
            WorkspaceException: there is no address.

        Example:
            >>> Workspace.from_service(address, token).name  # such as "http://127.0.0.1:43117"
            'default'
        """
        where = address or remote.address()
        if where is None:
            raise WorkspaceException(f"Pass the service's address, http://host:port, or set {remote.SERVICE}.")
        return Workspace(service=where, token=token)

    @staticmethod
    def from_config(
        path: str | os.PathLike[str] | None = None, auth: Any = None, _logger: Any = None, _file_name: str | None = None
    ) -> Workspace:
        """Return the workspace that a configuration file names.

        Without a path: the one of the service at ``$TRAINSHED_SERVICE``; else of ``$TRAINSHED_WORKSPACE`` (a name or a
        path); else of the first file found by v1's search from the current folder upward; else the default workspace.

        Args:
            path: a file, or the folder from which to search.
            auth: accepted and not used: there is nobody to sign in to.
            _logger: accepted and not used.
            _file_name: name of the file to search for.

        Raises:
            UserErrorException: a path was given and there is no configuration.
            WorkspaceException: the workspace it names does not exist.
        """
        if path is not None:
            return _configured(*locations.config_at(os.fspath(path), _file_name))
        if remote.address() is not None:
            return Workspace.from_service()
        root = locations.chosen(None)
        if root is not None:
            return Workspace(path=root)
        found = locations.search(os.getcwd(), _file_name)
        if found is not None:
            return _configured(*found)
        folder = locations.folder_of(locations.DEFAULT)
        inform(f"No workspace configuration found: using the default workspace in {folder}.")
        return Workspace()

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        friendly_name: str | None = None,
        storage_account: str | None = None,
        key_vault: str | None = None,
        app_insights: str | None = None,
        container_registry: str | None = None,
        adb_workspace: str | None = None,
        primary_user_assigned_identity: str | None = None,
        cmk_keyvault: str | None = None,
        resource_cmk_uri: str | None = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Any = None,
        default_gpu_compute_target: Any = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: str | None = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: bool | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
    ) -> Workspace:
        """Make a workspace.

        Args:
            name: its name.
            auth: this and everything else of v1's parameters that concerns a cloud is accepted and not used.
            subscription_id: kept for display.
            resource_group: kept for display.
            location: kept for display.
            friendly_name: kept for display.
            tags: kept for display.
            exist_ok: return the workspace if there is one of this name.
            show_output: accepted and not used: there is nothing to wait for.
            path: folder to make it in (ours), instead of Trainshed's own.

        Raises:
            WorkspaceException: a name that cannot be used, or that exists without ``exist_ok``.
        """
        if path is None and remote.address() is not None:
            there = Workspace(workspace_name=name)
            return there if exist_ok else _taken(name, there.identity)
        root = locations.folder_of(name) if path is None else os.path.abspath(os.path.expanduser(path))
        locations.check_name(name)
        if not locations.exists(root):
            facts = {
                "workspace_name": name,
                "subscription_id": subscription_id,
                "resource_group": resource_group,
                "location": location,
                "friendly_name": friendly_name,
                "sku": sku,
                "tags": tags,
            }
            locations.make(root, {key: value for key, value in facts.items() if value is not None})
        elif not exist_ok:
            _taken(name, root)
        return Workspace(path=root)

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> Workspace:
        """Return a workspace by its name.

        Raises:
            WorkspaceException: no such workspace.
        """
        return Workspace(subscription_id, resource_group or "local", name)

    @staticmethod
    def list(
        subscription_id: str | None = None, auth: Any = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """Return the workspaces in Trainshed's folder on this machine, or the one of ``$TRAINSHED_SERVICE``.

        Returns:
            Name → list of the one workspace of that name.
        """
        if remote.address() is not None:
            there = Workspace.from_service()
            return {there.name: [there]}
        return {name: [Workspace(workspace_name=name)] for name in locations.names()}

    @property
    def discovery_url(self) -> str:
        """The address of its service."""
        return str(self.connection.base_url)

    @property
    def datastores(self) -> CallableDict[Datastore]:
        """Name → datastore."""
        from trainshed.api.data.datastore import Datastore

        return _by_name({each.name: each for each in Datastore._all(self)}, "datastore")

    def get_default_datastore(self) -> Datastore:
        """Return the datastore on which data lies unless said otherwise."""
        from trainshed.api.data.datastore import Datastore

        return Datastore.get_default(self)

    @property
    def compute_targets(self) -> CallableDict[ComputeTarget]:
        """Name → compute target."""
        from trainshed.api.compute.compute import ComputeTarget

        return _by_name({target.name: target for target in ComputeTarget.list(self)}, "compute target")

    @property
    def experiments(self) -> CallableDict[Experiment]:
        """Name → experiment."""
        from trainshed.api.runs.experiment import Experiment

        return _by_name({each.name: each for each in Experiment.list(self)}, "experiment")

    def get_run(self, run_id: str) -> Run:
        """Return a run of any experiment.

        Raises:
            NotFoundException: no such run; the sentence names the nearest.
        """
        return self.run_of(self.connection.call("GET", quoted("runs", run_id)))

    def run_of(self, record: dict[str, Any]) -> Run:
        """Return the run of a record as an object of the class that belongs to its type (ours).

        Args:
            record: what the service keeps of it.
        """
        from trainshed.api.runs.experiment import Experiment
        from trainshed.api.runs.run import Run, ScriptRun
        from trainshed.api.runs.run_tree import factories

        experiment = Experiment(self, record["experiment"])
        if record["kind"] in factories:
            made: Run = factories[record["kind"]](experiment, record)
            return made
        return (ScriptRun if record["kind"] else Run)(experiment, record["id"], _record=record)

    def set_default_datastore(self, name: str) -> None:
        """Choose the datastore on which data lies unless said otherwise.

        Raises:
            NotFoundException: no such datastore.
        """
        from trainshed.api.data.datastore import Datastore

        Datastore(self, name).set_as_default()

    def get_default_compute_target(self, type: str) -> ComputeTarget | None:
        """Return the workspace's cluster of a kind, or None if there is none.

        Args:
            type: ``"CPU"`` (the cluster named ``"cpu-cluster"``) or ``"GPU"`` (``"gpu-cluster"``).

        Raises:
            ValueError: another kind.
        """
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if str(type).upper() not in names:
            raise ValueError(f"The kind of a compute target must be 'CPU' or 'GPU', not {type!r}.")
        return self.compute_targets.get(names[type.upper()])

    def get_default_keyvault(self) -> Keyvault:
        """Return the secrets of the workspace."""
        from trainshed.api.workspace.keyvault import Keyvault

        return Keyvault(self)

    @property
    def environments(self) -> CallableDict[Environment]:
        """Name → newest version of each environment that was registered."""
        from trainshed.api.configuration.environment import Environment

        return _by_name(Environment.list(self), "environment")

    @property
    def models(self) -> CallableDict[Model]:
        """Name → newest version of each model."""
        from trainshed.api.data.model import Model

        return _by_name({each.name: each for each in Model.list(self, latest=True)}, "model")

    @property
    def datasets(self) -> CallableDict[Dataset]:
        """Name → newest version of each dataset."""
        from trainshed.api.data.dataset import Dataset

        return _by_name(Dataset.get_all(self), "dataset")

    @property
    def images(self) -> CallableDict[Any]:
        """Nothing: images are not kept here."""
        return _by_name({}, "image")

    @property
    def webservices(self) -> CallableDict[Any]:
        """Nothing: models are not served here."""
        return _by_name({}, "webservice")

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def _taken(name: str, where: str) -> NoReturn:
    raise WorkspaceException(
        f"There is already a workspace '{name}' at {where}. Use Workspace.get('{name}') or exist_ok=True."
    )


def _by_name(entries: dict[str, Any], what: str) -> CallableDict[Any]:
    from trainshed.api.workspace.callable_dict import CallableDict  # a submit lists nothing

    return CallableDict(entries, what)


def _configured(file: str, said: dict[str, Any]) -> Workspace:
    inform(f"Found the config file in: {file}")
    if said.get("service"):
        return Workspace.from_service(said["service"])
    if said.get("path"):
        return Workspace(path=os.path.join(os.path.dirname(file), os.path.expanduser(said["path"])))
    name = str(said["workspace_name"])
    return Workspace(said.get("subscription_id"), said.get("resource_group") or "local", name)
