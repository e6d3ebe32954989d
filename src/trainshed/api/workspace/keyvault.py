"""Secrets of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


class Keyvault:
    """The key vault of a workspace. Secrets are stored in a file that only the workspace's owner can read.

    Example:
        >>> ws.get_default_keyvault().set_secret("password", "hunter2")
    """

    def __init__(self, workspace: WorkspaceLike) -> None:
        self.workspace = workspace

    def set_secret(self, name: str, value: str) -> None:
        """Store a secret, replacing any existing one with the same name.

        Args:
            name: letters, digits, ``-`` and ``_``.
            value: string of at most 25 KB.

        Raises:
            UserErrorException: the name or value is invalid.
        """
        self.set_secrets({name: value})

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Store several secrets; see :meth:`set_secret`.

        Args:
            secrets_batch: name → value.
        """
        self.workspace.connection.call("PUT", "/secrets", {"set": dict(secrets_batch)})

    def get_secret(self, name: str) -> str | None:
        """Return a secret, or None if it does not exist."""
        return self.get_secrets([name])[name]

    def get_secrets(self, secrets: Iterable[str]) -> dict[str, str | None]:
        """Return secrets by name, with None for those that do not exist."""
        answer = self.workspace.connection.call("POST", "/secrets/read", {"names": list(secrets)})
        found: dict[str, str | None] = answer["secrets"]
        return found

    def list_secrets(self) -> list[dict[str, str]]:
        """Return the names of all secrets, as a list of dicts ``{"name": …}``."""
        return [{"name": name} for name in self.workspace.connection.call("GET", "/secrets")["names"]]

    def delete_secret(self, name: str) -> None:
        """Delete a secret."""
        self.delete_secrets([name])

    def delete_secrets(self, secrets: Iterable[str]) -> None:
        """Delete several secrets."""
        self.workspace.connection.call("PUT", "/secrets", {"delete": list(secrets)})

    def __repr__(self) -> str:
        return f"Keyvault(workspace={self.workspace.name!r})"
