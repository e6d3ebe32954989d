"""Records of web services and of the models that they are deployed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.data.model_files import find_entry
from trainshed.client.http import quoted
from trainshed.errors import TrainshedError, WebserviceException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


def find(workspace: WorkspaceLike, name: str) -> dict[str, Any]:
    """Return the record of a web service.

    Raises:
        WebserviceException: there is no such service.
    """
    try:
        record: dict[str, Any] = workspace.connection.call("GET", quoted("webservices", name))
    except TrainshedError as error:
        if getattr(error, "status", 0) != 404:
            raise
        raise WebserviceException(f"WebserviceNotFound: {error.message}") from None
    return record


def restart(workspace: WorkspaceLike, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Start a web service anew.

    Args:
        workspace: its workspace.
        name: its name.
        body: what changes: ``"snapshot"``, ``"models"``, ``"auth"``, ``"fresh_key"`` and ``"key"``.
    """
    record: dict[str, Any] = workspace.connection.call("POST", quoted("webservices", name, "restart"), body)
    return record


def model_ids(workspace: WorkspaceLike, models: Any) -> list[str]:
    """Return the ids of models.

    Args:
        workspace: their workspace.
        models: models, or their names or ids.

    Raises:
        WebserviceException: a model does not exist, or the value is not a list of models.
    """
    if isinstance(models, str) or hasattr(models, "id"):
        models = [models]
    if models is not None and not isinstance(models, (list, tuple)):
        raise WebserviceException(f"models must be a list of models, not {type(models).__name__}.")
    ids: list[str] = []
    for each in models or ():
        if not isinstance(each, str) and not hasattr(each, "version"):
            raise WebserviceException(f"models must be a list of models, not of {type(each).__name__}.")
        text = each if isinstance(each, str) else f"{each.name}:{each.version}"
        name, _, version = text.rpartition(":")
        found = find_entry(
            workspace.connection,
            name if version.isdigit() and name else text,
            int(version) if version.isdigit() and name else None,
            (None, None, None, None),
        )
        ids.append(f"{found['name']}:{found['version']}")
    return list(dict.fromkeys(ids))
