"""Workspaces: folders that store runs, data, and settings, each with its own service."""

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
    from trainshed.api.runs.image_build import ImageBuildDetails
    from trainshed.api.runs.run import Run
    from trainshed.api.workspace.callable_dict import CallableDict
    from trainshed.api.workspace.keyvault import Keyvault


class Workspace(WorkspaceFacts):
    """A workspace, which stores runs, data and settings.

    The workspace ``"default"`` is created on first use; create others with :meth:`create`. Parameters that are not
    listed here are ignored.

    Args:
        subscription_id: stored for display only. If it is the only argument, it is used as the name.
        resource_group: stored for display only.
        workspace_name: name of the workspace. Default: ``"default"``.
        path: folder of the workspace, as an alternative to its name (Trainshed extension).
        service: see :meth:`from_service` (Trainshed extension). Default: ``$TRAINSHED_SERVICE``, unless path is passed.
        token: see :meth:`from_service` (Trainshed extension).

    Raises:
        WorkspaceException: the workspace does not exist.
        ServiceException: the service cannot be reached.

    Example:
        >>> Workspace.from_config().name
        'default'
        >>> weather = Workspace.create("weather", exist_ok=True)
        >>> weather = Workspace.get("weather")
    """

    DEFAULT_CPU_CLUSTER_NAME, DEFAULT_GPU_CLUSTER_NAME = "cpu-cluster", "gpu-cluster"

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
            name, azure = workspace_name or locations.DEFAULT, (subscription_id, resource_group)
            self._root = locations.find_path(path) if path is not None else locations.find(name, azure=azure)
            self._facts = locations.facts_of(self._root)
        self._subscription_id = subscription_id or self._facts.get("subscription_id") or "local"
        self._resource_group = resource_group or self._facts.get("resource_group") or "local"
        self._check_name(workspace_name, subscription_id)

    @staticmethod
    def from_service(address: str | None = None, token: str | None = None) -> Workspace:
        """Return the workspace of a service that runs on another machine or as another user (Trainshed extension).

        The client never starts or stops such a service, and needs no access to its files.

        Args:
            address: ``http://host:port``. Default: ``$TRAINSHED_SERVICE``.
            token: access token for the service. Default: ``$TRAINSHED_TOKEN_FILE`` or ``$TRAINSHED_TOKEN``.

        Raises:
            AuthenticationException: the token is missing, or the service rejects it.
            ServiceException: the service cannot be reached.
            WorkspaceException: the address is missing.

        Example:
            >>> Workspace.from_service(address, token).name  # such as "http://127.0.0.1:43117"
            'default'
        """
        address = address or remote.address()
        if address is None:
            raise WorkspaceException(f"Pass the service's address, http://host:port, or set {remote.SERVICE}.")
        return Workspace(service=address, token=token)

    @staticmethod
    def from_config(
        path: str | os.PathLike[str] | None = None, auth: Any = None, _logger: Any = None, _file_name: str | None = None
    ) -> Workspace:
        """Return the workspace specified by a configuration file.

        Without a path, the workspace is the one of the service at ``$TRAINSHED_SERVICE``; otherwise
        ``$TRAINSHED_WORKSPACE`` (a name or path); otherwise that of the first configuration file found in the current
        folder or its parents; otherwise the default workspace.

        Args:
            path: path of the file, or folder in which to start searching.
            auth: ignored.
            _file_name: name of the file to search for.

        Raises:
            UserErrorException: no configuration file is found at ``path``.
            WorkspaceException: the workspace does not exist.
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
        """Create a workspace.

        ``subscription_id``, ``resource_group``, ``location``, ``friendly_name``, ``sku`` and ``tags`` are stored for
        display only. Other parameters that are not listed here are ignored.

        Args:
            name: name of the workspace.
            exist_ok: return the existing workspace with this name, if any.
            path: folder of the workspace (Trainshed extension). Default: a folder in ``$TRAINSHED_HOME``.

        Raises:
            WorkspaceException: the name is invalid, or the workspace exists and ``exist_ok`` is False.
        """
        if path is None and remote.address() is not None:
            existing = Workspace(workspace_name=name)
            return existing if exist_ok else _taken(name, existing.identity)
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
            WorkspaceException: the workspace does not exist.
        """
        return Workspace(subscription_id, resource_group or "local", name)

    @staticmethod
    def list(
        subscription_id: str | None = None, auth: Any = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """Return the workspaces on this machine, or the workspace of the service at ``$TRAINSHED_SERVICE``.

        Returns:
            Name → list with the workspace of that name.

        Example:
            >>> "default" in Workspace.list()
            True
        """
        if remote.address() is not None:
            workspace = Workspace.from_service()
            return {workspace.name: [workspace]}
        return {name: [Workspace(workspace_name=name)] for name in locations.names()}

    @property
    def discovery_url(self) -> str:
        """Address of the workspace's service."""
        return str(self.connection.base_url)

    @property
    def datastores(self) -> CallableDict[Datastore]:
        """Datastores of the workspace, by name."""
        from trainshed.api.data.datastore import Datastore

        return _by_name({each.name: each for each in Datastore._all(self)}, "datastore")

    def get_default_datastore(self) -> Datastore:
        """Return the workspace's default datastore.

        Example:
            >>> ws.get_default_datastore().name
            'workspaceblobstore'
        """
        from trainshed.api.data.datastore import Datastore

        return Datastore.get_default(self)

    @property
    def compute_targets(self) -> CallableDict[ComputeTarget]:
        """Compute targets of the workspace, by name."""
        from trainshed.api.compute.compute import ComputeTarget

        return _by_name({target.name: target for target in ComputeTarget.list(self)}, "compute target")

    @property
    def experiments(self) -> CallableDict[Experiment]:
        """Experiments of the workspace, by name."""
        from trainshed.api.runs.experiment import Experiment

        return _by_name({each.name: each for each in Experiment.list(self)}, "experiment")

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id.

        Raises:
            NotFoundException: the run does not exist. The message suggests the closest match.
        """
        return self.run_of(self.connection.call("GET", quoted("runs", run_id)))

    def run_of(self, record: dict[str, Any]) -> Run:
        """Create a run object of the class for the record's type (Trainshed extension)."""
        from trainshed.api.runs.experiment import Experiment
        from trainshed.api.workspace.run_kinds import run_of

        return run_of(Experiment(self, record["experiment"]), record)

    def set_default_datastore(self, name: str) -> None:
        """Set the workspace's default datastore.

        Raises:
            NotFoundException: the datastore does not exist.
        """
        from trainshed.api.data.datastore import Datastore

        Datastore(self, name).set_as_default()

    def get_default_compute_target(self, type: str) -> ComputeTarget | None:
        """Return the workspace's default cluster of a type, or None if it does not exist.

        Args:
            type: ``"CPU"`` (the cluster named ``"cpu-cluster"``) or ``"GPU"`` (``"gpu-cluster"``).

        Raises:
            ValueError: the type is unknown.
        """
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if str(type).upper() not in names:
            raise ValueError(f"The type of a compute target must be 'CPU' or 'GPU', not {type!r}.")
        return self.compute_targets.get(names[type.upper()])

    def get_default_keyvault(self) -> Keyvault:
        """Return the workspace's key vault."""
        from trainshed.api.workspace.keyvault import Keyvault

        return Keyvault(self)

    @property
    def environments(self) -> CallableDict[Environment]:
        """Latest versions of the registered environments, and SDK v1's curated ones, by name."""
        from trainshed.api.workspace.environments import Environment, Environments

        return Environments(Environment.list(self), "environment")

    def _build(self, environment: Environment, target: str | None = None) -> ImageBuildDetails:
        from trainshed.api.runs.image_build import build

        return build(environment, self, target)

    @property
    def models(self) -> CallableDict[Model]:
        """Latest versions of the registered models, by name. A call can pass ``name``, ``tags`` and ``properties``."""
        from trainshed.api.data.model import Model

        return _by_name(Model._latest(self), "model", lambda *args, **named: Model._latest(self, *args, **named))

    @property
    def webservices(self) -> CallableDict[Any]:
        """Web services by name. A call can pass ``compute_type``, ``model_name``, ``model_id``, ``tags`` and others."""
        from trainshed.api.deployment.webservice import by_name

        return _by_name(by_name(self), "webservice", lambda *args, **named: by_name(self, *args, **named))

    def _deploy(self, name: str, models: Any, inference: Any, config: Any, overwrite: bool, target: Any) -> Any:
        from trainshed.api.deployment.webservice import Webservice

        return Webservice.deploy_from_model(self, name, models, inference, config, target, overwrite)

    @property
    def datasets(self) -> CallableDict[Dataset]:
        """Latest versions of the registered datasets, by name."""
        from trainshed.api.data.dataset import Dataset

        return _by_name(Dataset.get_all(self), "dataset")

    def dataset_of(self, definition: dict[str, Any], name: str = "") -> Any:
        """Return the dataset with a definition (Trainshed extension).

        Args:
            definition: paths and operations of the dataset; see :mod:`trainshed.data.dataset`.
            name: ``"name:version"``, if it is registered.
        """
        from trainshed.api.data.dataset import Dataset

        return Dataset.of_definition(self, definition, name)


def _taken(name: str, where: str) -> NoReturn:
    raise WorkspaceException(
        f"There is already a workspace '{name}' at {where}. Use Workspace.get('{name}') or exist_ok=True."
    )


def _by_name(entries: dict[str, Any], what: str, query: Any = None) -> CallableDict[Any]:
    from trainshed.api.workspace.callable_dict import CallableDict  # not needed by submit

    return CallableDict(entries, what, query)


def _configured(file: str, config: dict[str, Any]) -> Workspace:
    inform(f"Found the config file in: {file}")
    if config.get("service"):
        return Workspace.from_service(config["service"])
    if config.get("path"):
        return Workspace(path=os.path.join(os.path.dirname(file), os.path.expanduser(config["path"])))
    name = str(config["workspace_name"])
    return Workspace(config.get("subscription_id"), config.get("resource_group") or "local", name)
