"""Models: files with a name and versions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.times import utc
from trainshed.api.transfer import download, files_below, opened
from trainshed.client import locations
from trainshed.client.http import quoted
from trainshed.client.notice import say
from trainshed.errors import ModelNotFoundException, NotFoundException, UserErrorException, WebserviceException

if TYPE_CHECKING:
    import builtins

    from trainshed.api.protocols import RunLike, WorkspaceLike
    from trainshed.client.http import Connection

_LOCAL = "azureml-models"

TagFilter = Iterable[Any] | Mapping[str, Any] | None


class Model:
    """A version of a model of a workspace.

    Args:
        workspace: the workspace.
        name: its name; the newest version, unless one is given.
        id: ``"name:version"``, instead of a name.
        tags: only versions with these tags: keys, or ``[key, value]`` pairs.
        properties: likewise for properties.
        version: which version.
        run_id: only versions that this run made.
        model_framework: only versions of this framework.
        expand: accepted and not used.
        **kwargs: further keywords of v1, not used.

    Raises:
        WebserviceException: no such model; the sentence names the nearest.

    Example:
        >>> run.register_model("ridge", "outputs/model.pkl").version
        1
        >>> Model(ws, "ridge").download("models", exist_ok=True)
        'models/model.pkl'
    """

    class Framework:
        """Names of frameworks."""

        CUSTOM = "Custom"
        ONNX = "Onnx"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"
        TFKERAS = "TfKeras"

    def __init__(
        self,
        workspace: WorkspaceLike,
        name: str | None = None,
        id: str | None = None,
        tags: TagFilter = None,
        properties: TagFilter = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **kwargs: Any,
    ) -> None:
        self.workspace = workspace
        entry = kwargs.get("_entry")
        if entry is None:
            if id is not None:
                name, _, number = id.rpartition(":")
                version = int(number) if number.isdigit() else None
            if not name:
                raise WebserviceException("The model is missing. Pass its name, or its id such as 'ridge:1'.")
            entry = _found(workspace.connection, name, version, (tags, properties, run_id, model_framework))
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        self._entry = entry
        record = entry["record"]
        self.name: str = entry["name"]
        self.version: int = entry["version"]
        self.id = f"{self.name}:{self.version}"
        self.tags: dict[str, str] = dict(entry["tags"])
        self.properties: dict[str, str] = dict(entry["properties"])
        self.description: str | None = record.get("description")
        self.run_id: str | None = record.get("run_id")
        self.experiment_name: str | None = record.get("experiment")
        self.model_framework: str | None = record.get("framework")
        self.model_framework_version: str | None = record.get("framework_version")
        self.created_time = utc(entry["created"])
        self.created_by = ""
        self.mime_type = "application/x-python"
        self.url = f"trainshed://models/{self.id}"

    @staticmethod
    def register(
        workspace: WorkspaceLike,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        datasets: Any = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> Model:
        """Keep a file or a folder of this machine as a new version of a model.

        Args:
            workspace: where to keep it.
            model_path: the file or the folder.
            model_name: its name.
            tags: labels that can be changed.
            properties: labels that cannot.
            description: what it is.
            datasets: accepted and not kept.
            model_framework: e.g. ``Model.Framework.SCIKITLEARN``.
            model_framework_version: version of it.
            child_paths: of a folder only these, relative to it.
            sample_input_dataset: this and the rest are accepted and not kept.

        Returns:
            The model.

        Raises:
            WebserviceException: no such file or folder.

        Example:
            >>> model = Model.register(ws, model_path="./data", model_name="rainfall")
            Registering model rainfall
        """
        root = os.path.abspath(model_path)
        if not os.path.exists(root):
            raise WebserviceException(f"There is no file or folder '{os.fspath(model_path)}' to register as a model.")
        say(f"Registering model {model_name}")
        token, base = os.urandom(16).hex(), os.path.dirname(root)
        for path in _files(root, child_paths):
            name = os.path.relpath(path, base).replace(os.sep, "/")
            with opened(path) as (body, size):
                workspace.connection.upload("PUT", quoted("models", "incoming", token, name), body, size)
        more = {"description": description, "framework": model_framework, "framework_version": model_framework_version}
        return _registered(workspace, {"name": model_name, "upload": token}, more, (tags, properties))

    @staticmethod
    def _of_run(
        run: RunLike,
        name: str,
        path: str,
        more: Mapping[str, Any],
        labels: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    ) -> Model:
        """Keep files of a run as a new version of a model."""
        more = {**more, "experiment": run.experiment.name}
        return _registered(run.experiment.workspace, {"name": name, "run": run.id, "path": path}, more, labels)

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: WorkspaceLike | None = None) -> str:
        """Return the path of a model's file or folder on this machine; it is downloaded if need be.

        Args:
            model_name: its name.
            version: which; the newest if None.
            _workspace: where it is; inside of a run the run's own, else the one of ``Workspace.from_config()``.

        Raises:
            WebserviceException: no such model.
        """
        if _workspace is not None:
            connection = _workspace.connection
        else:
            from trainshed.client.embedded import connect  # only who names no workspace needs to find one

            connection = connect(locations.current())
        entry = _found(connection, model_name, version, (None, None, None, None))
        return _download(connection, entry, os.path.join(_LOCAL, entry["name"], str(entry["version"])), True)

    def download(
        self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: bool | None = None
    ) -> str:
        """Download its files.

        Args:
            target_dir: folder for them; it is made.
            exist_ok: replace files that are there.
            exists_ok: older name of ``exist_ok``.

        Returns:
            Path of the file, or of the folder, below ``target_dir``.

        Raises:
            WebserviceException: a file is there already, without ``exist_ok``.

        Example:
            >>> path = model.download("downloaded", exist_ok=True)
        """
        replace = exist_ok if exists_ok is None else exists_ok
        return _download(self.workspace.connection, self._entry, os.fspath(target_dir), replace)

    @staticmethod
    def list(
        workspace: WorkspaceLike,
        name: str | None = None,
        tags: TagFilter = None,
        properties: TagFilter = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Return models, newest first.

        Args:
            workspace: where they are.
            name: only those of this name.
            tags: only those with these tags: keys, or ``[key, value]`` pairs.
            properties: likewise for properties.
            run_id: only those that this run made.
            latest: only the newest version of each.
            dataset_id: accepted and not used.
            expand: accepted and not used.
            page_count: accepted and not used.
            model_framework: only those of this framework.
        """
        query = {"name": name, "latest": int(latest)}
        entries = workspace.connection.call("GET", "/catalog/model", query=query)["entries"]
        wanted = (tags, properties, run_id, model_framework)
        return [Model(workspace, _entry=entry) for entry in entries if _fits(entry, wanted)]

    def _change(self, **changes: Any) -> None:
        path = quoted("catalog", "model", self.name, str(self.version))
        self._take(self.workspace.connection.call("PUT", path, changes))

    def update(
        self,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> None:
        """Replace its tags and its description.

        Args:
            tags: the new tags; None keeps them.
            description: the new description; None keeps it.
            sample_input_dataset: this and the rest are accepted and not kept.
        """
        record = None if description is None else {**self._entry["record"], "description": description}
        self._change(tags=None if tags is None else _text(tags), record=record)

    def update_tags_properties(
        self,
        add_tags: Mapping[str, Any] | None = None,
        remove_tags: Iterable[str] | None = None,
        add_properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add and remove tags, and add properties.

        Raises:
            UserErrorException: a property is there with another value.
        """
        added = _text(add_properties)
        for key, value in added.items():
            if self.properties.get(key, value) != value:
                raise UserErrorException(
                    f"Property '{key}' of {self.id} is already set and cannot be changed. Use a tag instead."
                )
        gone = set(remove_tags or ())
        tags = {key: value for key, value in {**self.tags, **_text(add_tags)}.items() if key not in gone}
        self._change(tags=tags, properties={**self.properties, **added})

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags or change them."""
        self.update_tags_properties(add_tags=tags)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        self.update_tags_properties(remove_tags=tags)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which cannot be changed later."""
        self.update_tags_properties(add_properties=properties)

    def delete(self) -> None:
        """Forget this version, with its files."""
        self.workspace.connection.call("DELETE", quoted("models", self.name, str(self.version)))

    def serialize(self) -> dict[str, Any]:
        """Return what is known of it as a dict of JSON types."""
        return {
            "name": self.name,
            "version": self.version,
            "id": self.id,
            "description": self.description,
            "createdTime": self.created_time,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "runId": self.run_id,
            "experimentName": self.experiment_name,
            "tags": self.tags,
            "properties": self.properties,
            "url": self.url,
        }

    @staticmethod
    def deserialize(workspace: WorkspaceLike, model_payload: Mapping[str, Any]) -> Model:
        """Return the model that :meth:`serialize` described.

        Args:
            workspace: where it is.
            model_payload: what ``serialize`` gave.
        """
        return Model(workspace, id=str(model_payload["id"]))

    def __repr__(self) -> str:
        return f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version})"


def _registered(
    workspace: WorkspaceLike, what: Mapping[str, Any], more: Mapping[str, Any], labels: tuple[Any, Any]
) -> Model:
    record = {key: value for key, value in more.items() if value is not None}
    body = {**what, "record": record, "tags": _text(labels[0]), "properties": _text(labels[1])}
    return Model(workspace, _entry=workspace.connection.call("POST", "/models", body))


def _text(labels: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (labels or {}).items()}


def _files(root: str, children: Sequence[str] | None) -> list[str]:
    starts = [root] if children is None else [os.path.join(root, child) for child in children]
    found = []
    for start in starts:
        if os.path.isfile(start):
            found.append(start)
        found += [path for path, _ in files_below(start)]
    if not found:
        raise WebserviceException(f"There are no files in '{root}' to register as a model.")
    return found


def _download(connection: Connection, entry: Mapping[str, Any], target: str, replace: bool) -> str:
    """Download the files of a version of a model; return the path of the file or folder."""
    base = quoted("models", entry["name"], str(entry["version"]), "files")
    names = [file["name"] for file in connection.call("GET", base)["files"]]
    top = os.path.join(target, names[0].split("/")[0])
    if os.path.exists(top) and not replace:
        raise WebserviceException(f"'{top}' already exists. Choose another target_dir, or pass exist_ok=True.")
    for name in names:
        download(connection.stream("GET", base + quoted(name)), name, os.path.join(target, *name.split("/")))
    return top


def _found(connection: Connection, name: str, version: int | None, wanted: tuple[Any, ...]) -> dict[str, Any]:
    try:
        newest = connection.call("GET", quoted("catalog", "model", name), query={"version": version})
    except NotFoundException as error:
        raise ModelNotFoundException(error.message) from error
    if version is not None or not any(wanted):
        entry: dict[str, Any] = newest
        return entry
    for model in connection.call("GET", "/catalog/model", query={"name": name})["entries"]:
        if _fits(model, wanted):
            return dict(model)
    raise ModelNotFoundException(f"No version of model '{name}' has the requested tags, properties or run.")


def _fits(entry: Mapping[str, Any], wanted: tuple[Any, ...]) -> bool:
    tags, properties, run_id, framework = wanted
    record = entry["record"]
    return (
        _has(entry["tags"], tags)
        and _has(entry["properties"], properties)
        and run_id in (None, record.get("run_id"))
        and framework in (None, record.get("framework"))
    )


def _has(there: Mapping[str, str], wanted: TagFilter) -> bool:
    pairs = wanted.items() if isinstance(wanted, Mapping) else wanted or ()
    for each in pairs:
        key, value = (each, None) if isinstance(each, str) else (each[0], str(each[1]))
        if key not in there or value not in (None, there[key]):
            return False
    return True
