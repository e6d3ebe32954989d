"""What a workspace says of itself: its name, its folder, and what is kept for display."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from trainshed.client import locations
from trainshed.client.notice import inform
from trainshed.errors import UserErrorException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class WorkspaceFacts:
    """A workspace folder and what its ``config.json`` says."""

    _root: str
    _facts: dict[str, Any]
    _subscription_id: str
    _resource_group: str

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._facts.get("workspace_name") or os.path.basename(self._root))

    @property
    def folder(self) -> str:
        """Its folder, as a string (ours)."""
        return self._root

    @property
    def runs(self) -> str:
        """The folder of its run directories (ours)."""
        return os.path.join(self._root, "runs")

    @property
    def path(self) -> Path:
        """Its folder (ours)."""
        from pathlib import Path  # see locations.py

        return Path(self._root)

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
            "path": self._root,
        }

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write a configuration file that :meth:`from_config` finds: ``<path>/.azureml/config.json``.

        Args:
            path: an existing folder; the current one if None.
            file_name: instead of ``config.json``.

        Raises:
            UserErrorException: no such folder.
        """
        folder = os.fspath(path or ".")
        if not os.path.isdir(folder):
            raise UserErrorException(f"There is no folder {folder}. Create it, or give another path.")
        said = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        if self._root != locations.folder_of(self.name):
            said["path"] = self._root
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
        self._facts = {**locations.facts_of(self._root), **kept}
        locations.make(self._root, self._facts)
        return self.get_details()

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return a place for MLflow's own files in the workspace folder; clients of the service come later."""
        return f"sqlite:///{os.path.join(self._root, 'mlflow.db')}"

    @staticmethod
    def setup() -> None:
        """Do nothing, as v1 asked not to call it."""
