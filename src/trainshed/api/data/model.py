"""Registered models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.data.model_deployment import ModelDeployment
from trainshed.api.data.model_files import (
    dataset_records,
    download_model,
    find_entry,
    fits,
    in_service,
    model_files,
    usage_records,
)
from trainshed.api.data.resource_configuration import ResourceConfiguration
from trainshed.api.times import utc
from trainshed.api.transfer import opened
from trainshed.client import locations
from trainshed.client.http import quoted
from trainshed.client.notice import say
from trainshed.errors import UserErrorException, WebserviceException

if TYPE_CHECKING:
    import builtins

    from trainshed.api.data.model_files import TagFilter
    from trainshed.api.protocols import RunLike, WorkspaceLike

_LOCAL = "azureml-models"


class Model(ModelDeployment):
    """A version of a registered model.

    Args:
        workspace: workspace of the model.
        name: name of the model.
        id: ``"name:version"``, as an alternative to ``name`` and ``version``.
        tags: only versions with these tags: keys, or ``[key, value]`` pairs.
        properties: only versions with these properties: keys, or ``[key, value]`` pairs.
        version: version number. Default: the latest version.
        run_id: only versions registered by this run.
        model_framework: only versions with this framework.
        expand: ignored.
        **kwargs: ignored.

    Raises:
        WebserviceException: the model does not exist. The message suggests the closest match.

    Example:
        >>> run.register_model("ridge", "outputs/model.pkl").version
        1
        >>> Model(ws, "ridge").download("models", exist_ok=True)
        'models/model.pkl'
    """

    class Framework:
        """Names of model frameworks."""

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
            if not (name or tags or properties or run_id):
                raise WebserviceException("The model is missing. Pass its name, or its id such as 'ridge:1'.")
            entry = find_entry(workspace.connection, name, version, (tags, properties, run_id, model_framework))
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
        # Not used here; SDK v1 has them.
        self.parent_id = self.unpack = None
        self.resource_configuration = ResourceConfiguration.deserialize(record.get("resources"))

    @property
    def run(self) -> RunLike | None:
        """The run that the model was registered from, or None."""
        return self.workspace.get_run(self.run_id) if self.run_id else None

    @property
    def datasets(self) -> dict[str, builtins.list[Any]]:
        """Datasets that the model was registered with: purpose, e.g. ``"training"`` → datasets."""
        found: dict[str, builtins.list[Any]] = {}
        for purpose, dataset, definition in self._entry["record"].get("datasets", ()):
            found.setdefault(purpose, []).append(self.workspace.dataset_of(definition, dataset))
        return found

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
        """Register a local file or folder as a new version of a model.

        Args:
            workspace: workspace in which to register the model.
            model_path: local file or folder.
            model_name: name of the model.
            tags: tags of the model.
            properties: properties of the model, which cannot be changed later.
            description: description of the model.
            datasets: datasets that the model was made with: ``(purpose, dataset)`` pairs.
            model_framework: e.g. ``Model.Framework.SCIKITLEARN``.
            model_framework_version: version of the framework.
            child_paths: register only these paths, relative to the folder.
            sample_input_dataset: dataset with sample requests; only stored.
            sample_output_dataset: dataset with sample answers; only stored.
            resource_configuration: resources that a service of the model should have; only stored.

        Raises:
            WebserviceException: the file or folder does not exist, or contains no files.

        Example:
            >>> model = Model.register(ws, model_path="./data", model_name="rainfall")
            Registering model rainfall
        """
        root = os.path.abspath(model_path)
        if not os.path.exists(root):
            raise WebserviceException(f"There is no file or folder '{os.fspath(model_path)}' to register as a model.")
        say(f"Registering model {model_name}")
        token, base = os.urandom(16).hex(), os.path.dirname(root)
        for path in model_files(root, child_paths):
            name = os.path.relpath(path, base).replace(os.sep, "/")
            with opened(path) as (body, size):
                workspace.connection.upload("PUT", quoted("models", "incoming", token, name), body, size)
        more = {
            "description": description,
            "framework": model_framework,
            "framework_version": model_framework_version,
            "datasets": dataset_records(datasets),
            **usage_records(sample_input_dataset, sample_output_dataset, resource_configuration),
        }
        return _registered(workspace, {"name": model_name, "upload": token}, more, (tags, properties))

    @staticmethod
    def _of_run(
        run: RunLike,
        name: str,
        path: str,
        more: Mapping[str, Any],
        labels: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    ) -> Model:
        """Register files of a run as a new version of a model."""
        more = {**more, "experiment": run.experiment.name}
        return _registered(run.experiment.workspace, {"name": name, "run": run.id, "path": path}, more, labels)

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: WorkspaceLike | None = None) -> str:
        """Download a model and return the local path of its file or folder.

        In the scoring script of a web service, return the path of a model that the service was deployed with.

        Args:
            model_name: name of the model.
            version: version number. Default: the latest version.
            _workspace: workspace of the model. Default: the current run's, or that of ``Workspace.from_config()``.

        Raises:
            WebserviceException: the model does not exist.
        """
        there = in_service(model_name, version)
        if there is not None:
            return there
        if _workspace is not None:
            connection = _workspace.connection
        else:
            from trainshed.client.embedded import connect  # needed only without a workspace

            connection = connect(locations.current())
        entry = find_entry(connection, model_name, version, (None, None, None, None))
        return download_model(connection, entry, os.path.join(_LOCAL, entry["name"], str(entry["version"])), True)

    def download(
        self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: bool | None = None
    ) -> str:
        """Download the model's files.

        Args:
            target_dir: local folder, created if necessary.
            exist_ok: replace existing files.
            exists_ok: former name of ``exist_ok``.

        Returns:
            Path of the model's file or folder in ``target_dir``.

        Raises:
            WebserviceException: the file or folder exists already and ``exist_ok`` is False.

        Example:
            >>> path = model.download("downloaded", exist_ok=True)
        """
        replace = exist_ok if exists_ok is None else exists_ok
        return download_model(self.workspace.connection, self._entry, os.fspath(target_dir), replace)

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
        """Return the models of a workspace, newest first.

        Args:
            workspace: workspace of the models.
            name: only models with this name.
            tags: only models with these tags: keys, or ``[key, value]`` pairs.
            properties: only models with these properties: keys, or ``[key, value]`` pairs.
            run_id: only models registered by this run.
            latest: only the latest version of each model.
            dataset_id: only models registered with this dataset.
            expand: ignored.
            page_count: ignored.
            model_framework: only models with this framework.
        """
        query = {"name": name, "latest": int(latest)}
        entries = workspace.connection.call("GET", "/catalog/model", query=query)["entries"]
        wanted = (tags, properties, run_id, model_framework)
        found = [Model(workspace, _entry=entry) for entry in entries if fits(entry, wanted)]
        return [model for model in found if dataset_id is None or model._has_dataset(dataset_id)]

    @staticmethod
    def _latest(
        workspace: WorkspaceLike, name: str | None = None, tags: TagFilter = None, properties: TagFilter = None
    ) -> dict[str, Model]:
        return {each.name: each for each in Model.list(workspace, name, tags, properties, latest=True)}

    def _has_dataset(self, dataset_id: str) -> bool:
        return any(dataset == dataset_id for _, dataset, _ in self._entry["record"].get("datasets", ()))

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
        """Replace what is known of the model. None keeps what there is.

        Args:
            tags: new tags.
            description: new description.
            sample_input_dataset: new dataset with sample requests.
            sample_output_dataset: new dataset with sample answers.
            resource_configuration: new resources.
        """
        told = usage_records(sample_input_dataset, sample_output_dataset, resource_configuration)
        changes = {key: value for key, value in {"description": description, **told}.items() if value is not None}
        record = {**self._entry["record"], **changes} if changes else None
        self._change(tags=None if tags is None else _text(tags), record=record)

    def update_tags_properties(
        self,
        add_tags: Mapping[str, Any] | None = None,
        remove_tags: Iterable[str] | None = None,
        add_properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add and remove tags, and add properties.

        Raises:
            UserErrorException: a property is already set to another value.
        """
        added = _text(add_properties)
        for key, value in added.items():
            if self.properties.get(key, value) != value:
                raise UserErrorException(
                    f"Property '{key}' of {self.id} is already set and cannot be changed. Use a tag instead."
                )
        removed = set(remove_tags or ())
        tags = {key: value for key, value in {**self.tags, **_text(add_tags)}.items() if key not in removed}
        self._change(tags=tags, properties={**self.properties, **added})

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or change their values."""
        self.update_tags_properties(add_tags=tags)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        self.update_tags_properties(remove_tags=tags)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which cannot be changed later."""
        self.update_tags_properties(add_properties=properties)

    def delete(self) -> None:
        """Delete this version and its files."""
        self.workspace.connection.call("DELETE", quoted("models", self.name, str(self.version)))

    def serialize(self) -> dict[str, Any]:
        """Return the model as a JSON-serializable dict."""
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
        """Return the model described by a result of :meth:`serialize`.

        Args:
            workspace: workspace of the model.
            model_payload: result of :meth:`serialize`.
        """
        return Model(workspace, id=str(model_payload["id"]))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)}" for name in ("name", "id", "version", "tags", "properties"))
        return f"Model(workspace={self.workspace!r}, {', '.join(shown)})"


def _registered(
    workspace: WorkspaceLike, what: Mapping[str, Any], more: Mapping[str, Any], labels: tuple[Any, Any]
) -> Model:
    record = {key: value for key, value in more.items() if value is not None}
    body = {**what, "record": record, "tags": _text(labels[0]), "properties": _text(labels[1])}
    return Model(workspace, _entry=workspace.connection.call("POST", "/models", body))


def _text(labels: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (labels or {}).items()}
