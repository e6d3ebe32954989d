"""Where workspaces are on this machine, and which one to use.

Paths are strings here, because importing pathlib would take a tenth of the time of a submit.
"""

from __future__ import annotations

import os

from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, UserErrorException, WorkspaceException, did_you_mean
from trainshed.spec.checks import is_name
from trainshed.system import files
from trainshed.system.jsons import loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT = "default"
LEGACY = "TRAINSHED_LEGACY"
"""Set to 1 for old programs: to restore names that packages have removed, and to create workspaces that they name."""
_LONGEST_NAME = 100
_IN_FOLDERS = (".azureml/config.json", ".azureml/project.json", "aml_config/config.json", "aml_config/project.json")
_BARE = ("config.json", "project.json")


def home() -> str:
    """Return Trainshed's folder on this machine: ``$TRAINSHED_HOME``, else ``~/.trainshed``."""
    return os.path.abspath(os.environ.get("TRAINSHED_HOME") or os.path.join(os.path.expanduser("~"), ".trainshed"))


def legacy(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether ``TRAINSHED_LEGACY`` is set.

    Args:
        environ: environment variables. Default: those of this process.
    """
    return environ.get(LEGACY, "") not in ("", "0")


def is_azure(subscription_id: str | None) -> bool:
    """Tell whether a program that names this subscription means a workspace in Azure.

    Args:
        subscription_id: the subscription, if it names one.
    """
    return subscription_id not in (None, "", "local")


def check_name(name: str) -> str:
    """Return ``name`` if it is a valid workspace name.

    Raises:
        WorkspaceException: it is not valid.
    """
    if not isinstance(name, str) or not is_name(name, "._-", _LONGEST_NAME):
        raise WorkspaceException(
            f"Invalid workspace name {name!r}. Use letters, digits, '-', '_' and '.', with a letter or digit first, "
            "and at most 100 characters."
        )
    return name


def folder_of(name: str) -> str:
    """Return the folder of a workspace of this name, whether it exists or not."""
    return os.path.join(home(), "workspaces", check_name(name))


def names() -> list[str]:
    """Return the names of the workspaces in Trainshed's folder."""
    root = os.path.join(home(), "workspaces")
    there = os.listdir(root) if os.path.isdir(root) else []
    return sorted(name for name in there if exists(os.path.join(root, name)))


def exists(root: str) -> bool:
    """Tell whether a folder is a workspace.

    Args:
        root: the folder.
    """
    return os.path.isfile(os.path.join(root, "config.json"))


def facts_of(root: str) -> dict[str, Any]:
    """Return the contents of a workspace's ``config.json``.

    Args:
        root: the workspace folder.

    Raises:
        WorkspaceException: it cannot be read.
    """
    path = os.path.join(root, "config.json")
    try:
        with open(path, "rb") as file:
            facts = loads(file.read())
    except (OSError, ValueError) as error:
        raise WorkspaceException(f"{path} cannot be read: {error}. Fix it, or remove it to start again.") from error
    return facts if isinstance(facts, dict) else {}


def make(root: str, facts: dict[str, Any]) -> None:
    """Create a workspace: its folder, accessible only to its owner, and its ``config.json``.

    Args:
        root: the folder; it may exist.
        facts: content of ``config.json``.

    Raises:
        WorkspaceException: the folder cannot be created.
    """
    check_owner(home())
    try:
        _make_private(root)
        os.chmod(root, 0o700)
    except OSError as error:
        raise WorkspaceException(
            f"The workspace folder {root} cannot be created ({error.strerror}: {error.filename}). "
            "Set TRAINSHED_HOME to a writable folder."
        ) from error
    import json  # once in a workspace's life

    target = os.path.join(root, "config.json")
    files.write(target, json.dumps(facts, indent=2) + "\n")


def _make_private(folder: str) -> None:
    """Create a folder and its missing parents, accessible only to the owner."""
    if not os.path.isdir(folder):
        above = os.path.dirname(folder)
        _make_private(above)
        if os.environ.get("SUDO_UID"):
            _check_sudo(folder, above)
        try:  # noqa: SIM105 - see files.replacing
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # somebody else has just made it


def check_owner(folder: str) -> None:
    """Raise if another user owns a folder or can write to it.

    Raises:
        WorkspaceException: with the command that mends it.
    """
    if os.name != "posix":
        return  # only services elsewhere are used there
    try:
        facts = os.stat(folder)
    except OSError:
        return  # said where it is needed
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        from trainshed.system import ownership  # for the message

        raise WorkspaceException(ownership.trouble(folder))


def _check_sudo(folder: str, above: str) -> None:
    """Raise if root was about to make a folder in the home of the user who has called sudo."""
    from trainshed.system import ownership  # seldom needed

    owner = os.stat(above).st_uid
    if ownership.by_sudo(owner):
        theirs = ownership.name_of(owner)
        raise WorkspaceException(
            f"You run as root (sudo), and {folder} would be made in a folder of '{theirs}', who could not use it. "
            "Run the command without sudo, or set TRAINSHED_HOME to a folder of root."
        )


def find(name: str, create: bool = True, azure: tuple[str | None, str | None] = (None, None)) -> str:
    """Return the folder of the workspace with this name.

    Args:
        name: the name.
        create: create the default workspace if it does not exist.
        azure: subscription and resource group. Code that names a subscription means a workspace in Azure; with
            ``TRAINSHED_LEGACY``, one of that name is created here.

    Raises:
        WorkspaceException: no such workspace; the message lists the existing ones.
    """
    root = folder_of(name)
    if exists(root):
        return root
    if name == DEFAULT and create:
        make(root, {"workspace_name": DEFAULT})
        return root
    if name == DEFAULT:
        raise WorkspaceException(f"There are no runs yet. The first submit creates the default workspace, {root}.")
    switch = ""
    if is_azure(azure[0]):
        if legacy():
            make(root, {"workspace_name": name, "subscription_id": azure[0], "resource_group": azure[1] or "local"})
            warn(f"Workspace '{name}' of Azure did not exist here, so it was created in {root} ({LEGACY} is set).")
            return root
        switch = f" With {LEGACY}=1, workspaces of Azure that a program names are created on first use."
    known = names()
    available = f" Available: {', '.join(known)}." if known else ""
    raise WorkspaceException(
        f"There is no workspace '{name}' in {os.path.dirname(root)}.{available}{did_you_mean(name, known)} "
        f"Create it: Workspace.create('{name}').{switch}"
    )


def find_path(path: str | os.PathLike[str], create: bool = True) -> str:
    """Return the folder of the workspace at this path.

    Args:
        path: the folder.
        create: create the workspace if the folder is empty or does not exist.

    Raises:
        WorkspaceException: there is no workspace, or the folder contains something else.
    """
    root = os.path.abspath(os.path.expanduser(path))
    if not exists(root):
        if os.path.lexists(root) and not (os.path.isdir(root) and not os.listdir(root)):
            raise WorkspaceException(
                f"{root} is neither a workspace nor an empty folder. Use the path of a workspace, or a new one."
            )
        if not create:
            raise WorkspaceException(f"There is no workspace at {root}. Create it: Workspace(path='{root}').")
        make(root, {"workspace_name": os.path.basename(root)})
    return root


def chosen(name: str | None, create: bool = True) -> str | None:
    """Return the folder of the workspace named by a command-line option or by ``TRAINSHED_WORKSPACE``.

    Args:
        name: a name, or a path if it contains a slash; None uses the variable.
        create: as in :func:`find` and :func:`find_path`.

    Returns:
        The folder, or None if neither names one.
    """
    name = name or os.environ.get("TRAINSHED_WORKSPACE")
    if not name:
        return None
    return find_path(name, create) if os.sep in name or name.startswith((".", "~")) else find(name, create)


def current() -> str:
    """Return the folder of the workspace to use if none is named.

    It is the one of ``TRAINSHED_WORKSPACE``, else of a configuration file in the current folder or above, else the
    default workspace.
    """
    named = chosen(None)
    if named is not None:
        return named
    found = search(os.getcwd())
    return root_of(*found) if found is not None else find(DEFAULT)


def root_of(file: str, said: dict[str, Any]) -> str:
    """Return the folder of the workspace that a configuration file names.

    Args:
        file: the file.
        said: its contents; see :func:`read_config`.
    """
    if said.get("path"):
        return find_path(os.path.join(os.path.dirname(file), os.path.expanduser(said["path"])))
    return find(str(said["workspace_name"]))


def read_config(path: str) -> dict[str, Any] | None:
    """Return the contents of a workspace configuration file, or None if it is not one.

    Args:
        path: a JSON file with ``workspace_name`` (and v1's ``subscription_id``, ``resource_group``), v1's ``Scope``,
            or ``path``, the folder of a workspace, relative to the file.
    """
    try:
        with open(path, "rb") as file:
            said = loads(file.read())
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    if isinstance(said.get("Scope"), str):
        parts = said["Scope"].strip("/").split("/")
        said = {**said, **dict(zip(parts[0::2], parts[1::2], strict=False))}
        said.setdefault("subscription_id", said.get("subscriptions"))
        said.setdefault("resource_group", said.get("resourceGroups"))
        said.setdefault("workspace_name", said.get("workspaces"))
    return said if any(said.get(key) for key in ("workspace_name", "path", "service")) else None


def search(start: str, file_name: str | None = None) -> tuple[str, dict[str, Any]] | None:
    """Search for a workspace configuration file in a folder and its parents, in v1's order.

    Args:
        start: the folder to start in.
        file_name: file name to search for, instead of ``config.json`` and ``project.json``.

    Returns:
        The file and its contents, or None.

    Raises:
        UserErrorException: a file in one of v1's configuration folders is not a configuration.
    """
    folders = [os.path.abspath(start)]
    while folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    patterns = [*_IN_FOLDERS, *_BARE]
    if file_name:
        patterns = [f".azureml/{file_name}", f"aml_config/{file_name}", file_name]
    for pattern in patterns:
        for folder in folders:
            path = os.path.join(folder, pattern)
            if not os.path.isfile(path):
                continue
            said = read_config(path)
            if said is not None:
                return path, said
            # Many programs have a config.json of their own beside their code.
            if pattern not in _BARE:
                raise UserErrorException(_not_config(path))
    return None


def _not_config(path: str) -> str:
    return (
        f"{path} is not a workspace configuration: it must be JSON with 'workspace_name' or 'path'. "
        "Workspace.write_config() writes one."
    )


def config_at(path: str, file_name: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the configuration at or above a path that the user passed.

    Raises:
        UserErrorException: there is none.
    """
    if os.path.isfile(path):
        said = read_config(path)
        if said is None:
            raise UserErrorException(_not_config(path))
        return path, said
    if not os.path.isdir(path):
        raise UserErrorException(f"There is no file or folder {path}. Pass the path of a config.json, or none.")
    found = search(path, file_name)
    if found is None:
        raise UserErrorException(
            f"There is no workspace configuration in {path} or above. Write one with Workspace.write_config(), "
            "or call Workspace.from_config() without a path for the default workspace."
        )
    return found
