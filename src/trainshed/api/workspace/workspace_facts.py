"""Properties of a workspace, and its connection to the service."""

from __future__ import annotations

import os

from trainshed.client import locations
from trainshed.client.notice import inform, warn
from trainshed.client.remote import SERVICE
from trainshed.errors import TYPE_CHECKING, UserErrorException, WorkspaceException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from trainshed.api.workspace.callable_dict import CallableDict
    from trainshed.client.http import Connection


class WorkspaceFacts:
    """Base class of :class:`Workspace`: name, folder, settings and connection.

    Example:
        >>> ws.name, ws.location
        ('default', 'local')
    """

    _root: str | None
    _service: str | None
    _connection: Connection | None
    _facts: dict[str, Any]
    _subscription_id: str
    _resource_group: str

    @property
    def name(self) -> str:
        """Name of the workspace."""
        return str(self._facts.get("workspace_name") or os.path.basename(self.identity))

    @property
    def identity(self) -> str:
        """Unique identifier: the folder, or the address of the service (Trainshed extension)."""
        return str(self._service or self._root)

    def _check_name(self, name: str | None, subscription_id: str | None) -> None:
        if self.by_address and name not in (None, self.name):
            if locations.is_azure(subscription_id) and locations.legacy():
                warn(
                    f"Workspace '{name}' of Azure is workspace '{self.name}' of the service at {self._service} here "
                    f"({locations.LEGACY} is set)."
                )
                return
            raise WorkspaceException(
                f"The service at {self._service} serves workspace '{self.name}', not '{name}'. Unset {SERVICE} "
                "to use workspaces on this machine, or use the address of the other workspace's service."
            )

    @property
    def by_address(self) -> bool:
        """Whether the workspace was opened by the address of its service (Trainshed extension)."""
        return self._service is not None

    @property
    def path(self) -> Path:
        """Folder of the workspace (Trainshed extension). Its files are managed by the service; do not modify them.

        Raises:
            WorkspaceException: the workspace was opened by the address of its service.
        """
        if self._root is None:
            raise WorkspaceException(
                f"The folder of workspace '{self.name}' belongs to the service at {self._service} and cannot be used "
                f"from here. On the service's machine, use the workspace by its name, without {SERVICE}."
            )
        from pathlib import Path  # see locations.py

        return Path(self._root)

    @property
    def connection(self) -> Connection:
        """Connection to the service, which is started on first use if necessary (Trainshed extension)."""
        if self._connection is None:
            from trainshed.client.embedded import connect  # not needed until the service is used

            self._connection = connect(str(self._root))
        return self._connection

    def page_url(self, path: str = "/") -> str:
        """Return the URL of a web page of the service (Trainshed extension).

        It contains no key. A browser that is not logged in yet is logged in by ``trainshed open``.

        Args:
            path: e.g. ``"/runs/<id>"``. Default: the list of runs.
        """
        return f"{self.connection.base_url}/pages{path}"

    def setting(self, name: str) -> Any:
        """Return a setting from the workspace's ``config.json``, or None (Trainshed extension).

        Args:
            name: e.g. ``"conda"``.
        """
        return self._facts.get(name)

    @property
    def subscription_id(self) -> str:
        """Azure subscription id. Stored and displayed, but has no effect."""
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        """Azure resource group. Stored and displayed, but has no effect."""
        return self._resource_group

    @property
    def location(self) -> str:
        """Azure region, ``"local"`` by default. Stored and displayed, but has no effect."""
        return str(self._facts.get("location") or "local")

    @property
    def sku(self) -> str:
        """SKU. Stored and displayed, but has no effect."""
        return str(self._facts.get("sku") or "basic")

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the workspace."""
        return dict(self._facts.get("tags") or {})

    @property
    def _workspace_name(self) -> str:
        """Same as ``name``. Programs written for SDK v1 read this and ``_workspace_id``."""
        return self.name

    @property
    def _workspace_id(self) -> str:
        return str(self.get_details()["workspaceid"])

    def get_details(self) -> dict[str, Any]:
        """Return the workspace's properties as a dict with SDK v1's keys."""
        return {
            "id": f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}",
            "name": self.name,
            "location": self.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "sku": self.sku,
            "tags": self.tags,
            "workspaceid": self.name,
            "friendlyName": str(self._facts.get("friendly_name") or self.name),
            "description": str(self._facts.get("description") or ""),
            **dict.fromkeys(("storageAccount", "keyVault", "containerRegistry", "applicationInsights"), ""),
            "path": self.identity,
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write a configuration file for :meth:`from_config`: ``<path>/.azureml/config.json``.

        Args:
            path: folder, which is created if it does not exist. Default: the current folder.
            file_name: name of the file. Default: ``"config.json"``.

        Raises:
            UserErrorException: the path is that of a file.

        Example:
            >>> ws.write_config(".")
            >>> Workspace.from_config(".").name
            'default'
        """
        import json

        folder = os.fspath(path or ".")
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise UserErrorException(f"{folder} is not a folder. Pass the folder for the configuration.")
        config = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        if self._service is not None:
            config["service"] = self._service
        elif self._root != locations.folder_of(self.name):
            config["path"] = str(self._root)
        target = os.path.join(folder, ".azureml", file_name or "config.json")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=4) + "\n")
        inform(f"Wrote the workspace configuration to {target}.")

    def update(
        self,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        image_build_compute: Any = None,
        service_managed_resources_settings: Any = None,
        primary_user_assigned_identity: Any = None,
        allow_public_access_when_behind_vnet: bool | None = None,
        v1_legacy_mode: bool | None = None,
    ) -> dict[str, Any]:
        """Update the workspace's descriptive properties. Parameters that are not listed here are ignored.

        Args:
            friendly_name: display name.
            description: description of the workspace.
            tags: new tags, which replace all existing ones.

        Returns:
            The updated result of :meth:`get_details`.
        """
        properties = {"friendly_name": friendly_name, "description": description, "tags": tags}
        changes = {key: value for key, value in properties.items() if value is not None}
        self._facts = self.connection.call("PUT", "/workspace", changes)
        return self.get_details()

    @property
    def images(self) -> CallableDict[Any]:
        """Images of the workspace, by name. A call can pass ``image_name``, ``tags`` and others."""
        from trainshed.api.deployment.image import by_name
        from trainshed.api.workspace.callable_dict import CallableDict

        workspace: Any = self
        return CallableDict(by_name(workspace), "image", lambda *args, **named: by_name(workspace, *args, **named))

    def _send_source(self, experiment: str, config: Any, post: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Send the source of a script, and the request that ``post`` sends with what is to run."""
        from trainshed.api.training.submission import submit_source, with_source

        workspace: Any = self
        source, spec = with_source(workspace, experiment, config, {}, {})
        return submit_source(self.connection, source, spec, post)

    def _send_scoring(
        self,
        source: dict[str, Any],
        script: str,
        environment: Any,
        models: list[str],
        post: Callable[[Any], dict[str, Any]],
    ) -> dict[str, Any]:
        """Send the source of a web service, and the request that ``post`` sends with what is to run."""
        from trainshed.api.deployment.deploying import upload

        workspace: Any = self
        return upload(workspace, source, script, environment, models, post)

    def _package(self, models: Any, inference: Any, dockerfile: bool, name: str | None, label: str | None) -> Any:
        from trainshed.api.deployment.deploying import package

        workspace: Any = self
        return package(workspace, models, inference, dockerfile, name, label)

    def _profile(
        self, name: str, models: Any, inference: Any, dataset: Any, requested: dict[str, Any], description: str | None
    ) -> Any:
        from trainshed.api.deployment.profile import profile

        workspace: Any = self
        return profile(workspace, name, models, inference, dataset, requested, description)

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return the address at which MLflow's clients log to this workspace and read from it.

        In a job it is the address of its run. Elsewhere it is that of the workspace's service, which keeps it from then
        on and does not exit when idle. The address has no key in it: this call also sets the environment variable
        ``MLFLOW_TRACKING_TOKEN`` of this process, which MLflow's clients read.
        """
        of_job = os.environ.get("MLFLOW_TRACKING_URI") if os.environ.get("TRAINSHED_RUN_ID") else None
        if of_job:
            return of_job
        facts = self.mlflow_access()
        os.environ["MLFLOW_TRACKING_TOKEN"] = facts["token"]
        return facts["address"]

    def mlflow_access(self) -> dict[str, str]:
        """Return what MLflow's clients have to know: ``{"address", "token"}``."""
        facts: dict[str, str] = self.connection.call("POST", "/service/access")
        # Through a tunnel, the port here is another than there.
        there = self.connection.base_url if self.by_address else ""
        return {**facts, "address": there} if there.startswith("http") else facts

    @classmethod
    def setup(cls) -> Any:
        """Return the workspace of :meth:`Workspace.from_config`. SDK v1 created one if there was none."""
        return cls.from_config()  # type: ignore[attr-defined]  # of the subclass

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Delete the workspace with all its runs and the data in its built-in datastores.

        Args:
            delete_dependent_resources: ignored.
            no_wait: ignored.

        Raises:
            WorkspaceException: the workspace has unfinished runs.
        """
        import shutil

        active = self.connection.call("GET", "/service")["runs_active"]
        if active:
            raise WorkspaceException(
                f"Workspace '{self.name}' has {active} unfinished runs. Cancel them or wait for them."
            )
        from trainshed.client.stopping import stop

        stop(str(self.path))
        shutil.rmtree(self.path)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkspaceFacts) and other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)
