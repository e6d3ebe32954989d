"""What a workspace says of itself: its name, its folder, and what is kept for display."""

from __future__ import annotations

import os

from trainshed.client import locations
from trainshed.client.cache import cache, mark
from trainshed.client.notice import inform
from trainshed.client.remote import SERVICE
from trainshed.errors import TYPE_CHECKING, UserErrorException, WorkspaceException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from trainshed.client.http import Connection


class WorkspaceFacts:
    """What a workspace's ``config.json`` says, and how it is reached.

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
        """Its name."""
        return str(self._facts.get("workspace_name") or os.path.basename(self.identity))

    @property
    def identity(self) -> str:
        """What tells it from all others: its folder, or the address of its service (ours)."""
        return str(self._service or self._root)

    def _check_name(self, name: str | None) -> None:
        if self.by_address and name not in (None, self.name):
            raise WorkspaceException(
                f"The service at {self._service} serves workspace '{self.name}', not '{name}'. Unset {SERVICE} "
                "to use workspaces on this machine, or use the address of the other workspace's service."
            )

    @property
    def by_address(self) -> bool:
        """Whether only the address of its service is known (ours)."""
        return self._service is not None

    @property
    def path(self) -> Path:
        """Its folder (ours), for people: what is in it belongs to its service.

        Raises:
            WorkspaceException: only the address of its service is known.
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
        """The way to its service, which the first call starts if need be, unless only its address is known (ours)."""
        if self._connection is None:
            from trainshed.client.embedded import connect  # a workspace that is only named needs no service

            self._connection = connect(str(self._root))
        return self._connection

    def page_url(self, path: str = "/") -> str:
        """Return the URL of a page of its service, with the key that opens it (ours).

        Args:
            path: e.g. ``"/runs/<id>"``; the list of runs otherwise.
        """
        facts = self.connection.call("GET", "/service")
        return f"{self.connection.base_url}/pages{path}?key={facts['page_key']}"

    def setting(self, name: str) -> Any:
        """Return a setting of its ``config.json``, or None (ours).

        Args:
            name: e.g. ``"conda"``.
        """
        return self._facts.get(name)

    @property
    def subscription_id(self) -> str:
        """Kept for display."""
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        """Kept for display."""
        return self._resource_group

    @property
    def location(self) -> str:
        """Kept for display; ``"local"`` unless it was given."""
        return str(self._facts.get("location") or "local")

    @property
    def sku(self) -> str:
        """Kept for display."""
        return str(self._facts.get("sku") or "basic")

    @property
    def tags(self) -> dict[str, str]:
        """Kept for display."""
        return dict(self._facts.get("tags") or {})

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the workspace, under v1's names."""
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
            "path": self.identity,
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write a configuration file that :meth:`from_config` finds: ``<path>/.azureml/config.json``.

        Args:
            path: an existing folder; the current one if None.
            file_name: instead of ``config.json``.

        Raises:
            UserErrorException: no such folder.

        Example:
            >>> ws.write_config(".")
            >>> Workspace.from_config(".").name
            'default'
        """
        import json

        folder = os.fspath(path or ".")
        if not os.path.isdir(folder):
            raise UserErrorException(f"There is no folder {folder}. Create it, or use another path.")
        said = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        if self._service is not None:
            said["service"] = self._service
        elif self._root != locations.folder_of(self.name):
            said["path"] = str(self._root)
        target = os.path.join(folder, ".azureml", file_name or "config.json")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(json.dumps(said, indent=4) + "\n")
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
        """Change what is kept for display; the other parameters concern a cloud and are not used.

        Args:
            friendly_name: shown beside its name.
            description: what it is for.
            tags: its labels, in place of those it had.

        Returns:
            What :meth:`get_details` says from now on.
        """
        changed = {"friendly_name": friendly_name, "description": description, "tags": tags}
        kept = {key: value for key, value in changed.items() if value is not None}
        self._facts = self.connection.call("PUT", "/workspace", kept)
        return self.get_details()

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return a place for MLflow's own files, in the workspace folder or in this machine's cache."""
        named: str | None = self.connection.call("GET", "/workspace").get("mlflow")
        return named or f"sqlite:///{cache(f'mlflow-{mark(self.identity)}.db')}"

    @staticmethod
    def setup() -> None:
        """Do nothing, as v1 asked not to call it."""

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Remove the workspace with all its runs and the data of its own datastores.

        Raises:
            WorkspaceException: runs are still going on.
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
