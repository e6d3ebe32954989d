"""Environments in the catalog of a workspace."""

from __future__ import annotations

import os

from trainshed.api.section import Section
from trainshed.client.http import quoted
from trainshed.errors import TYPE_CHECKING, NotFoundException, UserErrorException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from typing_extensions import Self

    from trainshed.api.protocols import WorkspaceLike

_CURATED = "azureml-"
_LABEL = "label:"


class RegisteredEnvironment(Section):
    """What an environment is in a workspace: versions and labels under its name. Base class of ``Environment``."""

    name: str
    version: str | None

    def register(self, workspace: WorkspaceLike) -> Self:
        """Register the environment in a workspace, as a new version unless it equals the latest one.

        Returns:
            The registered environment, with its version.

        Example:
            >>> Environment("storms").register(ws).version
            '1'
        """
        definition = {key: value for key, value in self._to_dict().items() if key != "version"}
        path = quoted("catalog", "environment", self.name)
        try:
            newest = workspace.connection.call("GET", path)
        except NotFoundException:
            newest = None
        if newest is None or newest["record"] != definition:
            newest = workspace.connection.call("POST", path, {"record": definition})
        environment = self._of_dict(definition)
        self.version = environment.version = str(newest["version"])
        return environment

    @classmethod
    def get(cls, workspace: WorkspaceLike, name: str, version: str | None = None, label: str | None = None) -> Self:
        """Return a registered environment, or a curated one of SDK v1 (``AzureML-...``).

        A curated environment consists of the packages that it had in SDK v1, in the nearest versions that can be
        installed. The run's log names them.

        Args:
            workspace: workspace in which the environment is registered.
            name: name of the environment.
            version: version number. Default: the latest version.
            label: label of the version, as an alternative to ``version``.

        Raises:
            UserErrorException: the environment, version or label does not exist.

        Example:
            >>> env = Environment("weather").register(ws)
            >>> Environment.get(ws, "weather").name
            'weather'
        """
        if name.lower().startswith(_CURATED) and not _entries(workspace, name=name):
            return cls._of_curated(name)
        if label is not None:
            for entry in _entries(workspace, name=name):
                if _LABEL + label in entry["tags"]:
                    return cls._of_entry(entry)
            if label not in ("latest", "Latest"):
                raise UserErrorException(f"No version of environment '{name}' is labeled '{label}'.")
        if version is not None and not str(version).isdigit():
            raise UserErrorException(f"The version of an environment must be a number, not {version!r}.")
        path = quoted("catalog", "environment", name)
        return cls._of_entry(workspace.connection.call("GET", path, query={"version": version}))

    @classmethod
    def list(cls, workspace: WorkspaceLike) -> dict[str, Self]:
        """Return the latest version of each environment and SDK v1's curated ones, as a dict of name → environment."""
        registered = {entry["name"]: cls._of_entry(entry) for entry in _entries(workspace, latest=1)}
        return {
            **registered,
            **{name: cls._of_curated(name) for name in cls._curated_names() if name not in registered},
        }

    @staticmethod
    def label(workspace: WorkspaceLike, name: str, version: str, labels: Iterable[str]) -> None:
        """Label a version of an environment. Labels are removed from its other versions.

        Raises:
            NotFoundException: the environment or version does not exist.
        """
        wanted = {_LABEL + label: "" for label in labels}
        path = quoted("catalog", "environment", name)
        workspace.connection.call("GET", path, query={"version": version})
        for entry in _entries(workspace, name=name):
            tags = {key: value for key, value in entry["tags"].items() if key not in wanted}
            tags |= wanted if str(entry["version"]) == str(version) else {}
            if tags != entry["tags"]:
                workspace.connection.call("PUT", f"{path}/{entry['version']}", {"tags": tags})

    @staticmethod
    def add_private_pip_wheel(
        workspace: WorkspaceLike, file_path: str | os.PathLike[str], exist_ok: bool = False
    ) -> str:
        """Upload a wheel to the workspace's default datastore, for use as a pip package.

        Returns:
            URL of the wheel.

        Raises:
            UserErrorException: the file does not exist or is not a wheel, or the wheel exists already and
                ``exist_ok`` is False.
        """
        name = os.path.basename(file_path)
        if not name.endswith(".whl") or not os.path.isfile(file_path):
            raise UserErrorException(f"There is no wheel '{os.fspath(file_path)}'. Pass the path of a .whl file.")
        from trainshed.api.transfer import opened

        path = quoted("datastores", workspace.get_default_datastore().name, "files", f"wheels/{name}")
        with opened(file_path) as (body, size):
            uploaded = workspace.connection.upload("PUT", path, body, size)
        if not uploaded["stored"] and not exist_ok:
            raise UserErrorException(f"The wheel '{name}' already exists. Change its version, or pass exist_ok=True.")
        return str(uploaded["url"])

    @classmethod
    def _of_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Create an environment from an entry of the workspace's catalog."""
        return cls._of_dict({**entry["record"], "name": entry["name"], "version": str(entry["version"])})

    def _to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def _of_dict(cls, definition: Mapping[str, Any]) -> Self:
        raise NotImplementedError

    @classmethod
    def _of_curated(cls, name: str) -> Self:
        raise NotImplementedError

    @classmethod
    def _curated_names(cls) -> Iterable[str]:
        raise NotImplementedError


def _entries(workspace: WorkspaceLike, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workspace.connection.call("GET", "/catalog/environment", query=query)["entries"]
    return found
