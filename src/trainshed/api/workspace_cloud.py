"""Members of v1's workspace that are about its cloud."""

from __future__ import annotations

from typing import Any, NoReturn

from trainshed.api.cloud import refuse

_NETWORK = "the service listens on this machine alone"
_SECRETS = "keep secrets with ws.get_default_keyvault()"
_SETTINGS = "settings are in config.json of the workspace folder (ws.path)"
_ENGINES = "runs run on this machine and its clusters (ComputeTarget)"


class WorkspaceCloud:
    """Each raises one sentence that says what there is instead."""

    @staticmethod
    def setup() -> None:
        """Do nothing, as v1 asked not to call it."""

    @property
    def discovery_url(self: Any) -> str:
        """The address of its service."""
        return str(self.connection.base_url)

    def get_mlflow_tracking_uri(self: Any, _with_auth: bool = False) -> str:
        """Return a place for MLflow's own files in the workspace folder; clients of the service come later."""
        import os

        return f"sqlite:///{os.path.join(self.folder, 'mlflow.db')}"

    def update_dependencies(self, container_registry: Any = None, force: bool = False) -> NoReturn:
        """Refuse."""
        refuse("Workspace.update_dependencies", _SETTINGS)

    def add_private_endpoint(
        self,
        private_endpoint_config: Any,
        private_endpoint_auto_approval: bool = True,
        location: str | None = None,
        show_output: bool = True,
        tags: Any = None,
    ) -> NoReturn:
        """Refuse."""
        refuse("Workspace.add_private_endpoint", _NETWORK)

    def delete_private_endpoint_connection(self, private_endpoint_connection_name: str) -> NoReturn:
        """Refuse."""
        refuse("Workspace.delete_private_endpoint_connection", _NETWORK)

    @property
    def private_endpoints(self) -> Any:
        """Refused."""
        refuse("Workspace.private_endpoints", _NETWORK)

    @property
    def linked_services(self) -> Any:
        """Refused."""
        refuse("Workspace.linked_services", _ENGINES)

    def list_keys(self) -> NoReturn:
        """Refuse."""
        refuse("Workspace.list_keys", _SECRETS)

    def sync_keys(self, no_wait: bool = False) -> NoReturn:
        """Refuse."""
        refuse("Workspace.sync_keys", _SECRETS)

    def diagnose_workspace(self, diagnose_parameters: Any) -> NoReturn:
        """Refuse."""
        refuse("Workspace.diagnose_workspace", "'trainshed service status' tells how the service is")

    def set_connection(self, name: str, category: str, target: str, authType: str, value: Any) -> NoReturn:  # noqa: N803
        """Refuse."""
        refuse("Workspace.set_connection", _SECRETS)

    def list_connections(self, category: str | None = None, target: str | None = None) -> NoReturn:
        """Refuse."""
        refuse("Workspace.list_connections", _SECRETS)

    def get_connection(self, name: str) -> NoReturn:
        """Refuse."""
        refuse("Workspace.get_connection", _SECRETS)

    def delete_connection(self, name: str) -> NoReturn:
        """Refuse."""
        refuse("Workspace.delete_connection", _SECRETS)
