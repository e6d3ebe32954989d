"""Images of 2018: models with a scoring script and its environment, which a web service is made of."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from typing import TYPE_CHECKING, Any

from trainshed.api.data.model_files import fits
from trainshed.api.deployment.inference_config import InferenceConfig, check_script
from trainshed.api.deployment.service_records import model_ids
from trainshed.api.times import utc
from trainshed.client.http import quoted
from trainshed.client.notice import say, warn
from trainshed.errors import WebserviceException
from trainshed.spec.record import to_json

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping, Sequence

    from trainshed.api.protocols import WorkspaceLike
    from trainshed.spec.run import RunSpec


class ContainerImageConfig:
    """Result of :meth:`ContainerImage.image_configuration`.

    Args:
        inference: scoring script and environment.
        given: tags, properties and description of the image.
    """

    def __init__(self, inference: InferenceConfig, given: Mapping[str, Any]) -> None:
        self._inference = inference
        self.execution_script = inference.entry_script
        self.runtime = inference.runtime
        self.conda_file = inference.conda_file
        self.tags = _texts(given.get("tags"))
        self.properties = _texts(given.get("properties"))
        self.description = given.get("description")


class Image:
    """Models with a scoring script and its environment, as :meth:`create` kept them. No container image is built.

    Args:
        workspace: workspace of the image.
        name: name of the image.
        id: ``"name:version"``, as an alternative to ``name`` and ``version``.
        tags: only versions with these tags: keys, or ``[key, value]`` pairs.
        properties: only versions with these properties: keys, or ``[key, value]`` pairs.
        version: version number. Default: the latest version.
        **kwargs: its entry in the catalog, from :meth:`create` and :meth:`list`.

    Raises:
        WebserviceException: there is no such image.
    """

    def __new__(cls, workspace: WorkspaceLike, *args: Any, **kwargs: Any) -> Image:  # noqa: PYI034
        """Return a :class:`ContainerImage`, as SDK v1 did."""
        return super().__new__(ContainerImage)

    def __init__(
        self,
        workspace: WorkspaceLike,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.workspace = workspace
        self._take(kwargs.get("_entry") or _found(workspace, (name, id, tags, properties, version)))

    def _take(self, entry: dict[str, Any]) -> None:
        record = entry["record"]
        self.name, self.version = str(entry["name"]), int(entry["version"])
        self.id = f"{self.name}:{self.version}"
        self._spec: dict[str, Any] = record["spec"]
        self.models: list[str] = record["models"]
        self.description: str | None = record.get("description")
        self.tags: dict[str, str] = dict(entry["tags"])
        self.properties: dict[str, str] = dict(entry["properties"])
        self.created_time = utc(entry["created"])
        self.creation_state = "Succeeded"
        self.image_location = self.image_build_log_uri = self.created_by = None
        self.image_flavor, self.image_type = "WebApiContainer", "ContainerImage"

    @staticmethod
    def list(
        workspace: WorkspaceLike,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: Any = None,
        properties: Any = None,
    ) -> builtins.list[Image]:
        """Return the images of a workspace, newest first.

        Args:
            workspace: the workspace.
            image_name: only images of this name.
            image_id: only this version of an image.
            model_name: only images with this model.
            model_id: only images with this version of a model.
            tags: only images with these tags: keys, or ``[key, value]`` pairs.
            properties: only images with these properties: keys, or ``[key, value]`` pairs.
        """
        entries = _entries(workspace, image_name, image_id, tags, properties)
        return [
            each
            for each in (Image(workspace, _entry=entry) for entry in entries)
            if (model_name is None or model_name in [model.rpartition(":")[0] for model in each.models])
            and (model_id is None or model_id in each.models)
        ]

    @staticmethod
    def get(
        workspace: WorkspaceLike,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        version: int | None = None,
    ) -> Image:
        """Return an image; parameters as for :class:`Image`."""
        return Image(workspace, name, id, tags, version=version)

    @staticmethod
    def create(workspace: WorkspaceLike, name: str, models: Any, image_config: ContainerImageConfig) -> Image:
        """Keep models with a scoring script and its environment, as a new version of an image.

        Args:
            workspace: workspace of the models.
            name: name of the image.
            models: models, or their names.
            image_config: from :meth:`ContainerImage.image_configuration`.

        Raises:
            WebserviceException: a model does not exist, or a value has the wrong type.
        """
        if not hasattr(image_config, "_inference"):
            raise WebserviceException(
                f"image_config is a {type(image_config).__name__}. Pass a result of "
                "ContainerImage.image_configuration()."
            )
        say("Creating image")
        config, ids = image_config._inference, model_ids(workspace, models)
        source = config.source
        script = check_script(source)
        texts = {"tags": image_config.tags, "properties": image_config.properties}

        def post(spec: RunSpec) -> dict[str, Any]:
            record = {"spec": to_json(spec), "models": ids, "description": image_config.description}
            entry: dict[str, Any] = workspace.connection.call(
                "POST", quoted("catalog", "image", name), {"record": record, **texts}
            )
            return entry

        return Image(workspace, _entry=workspace._send_scoring(source, script, config._environment(), ids, post))

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Return at once: the environment is built when a service starts.

        Args:
            show_output: print that the image is there.
        """
        if show_output:
            say(f'Image creation operation finished for image {self.id}, operation "Succeeded"')

    def serialize(self) -> dict[str, Any]:
        """Return the image as a JSON-serializable dict."""
        return {
            "name": self.name,
            "version": self.version,
            "id": self.id,
            "creationState": self.creation_state,
            "modelIds": self.models,
            "tags": self.tags,
            "properties": self.properties,
            "description": self.description,
        }

    @staticmethod
    def deserialize(workspace: WorkspaceLike, image_payload: Mapping[str, Any]) -> Image:
        """Return the image that :meth:`serialize` has described.

        Args:
            workspace: its workspace.
            image_payload: what :meth:`serialize` has returned.
        """
        return Image(workspace, id=image_payload["id"])

    def update_creation_state(self) -> None:
        """Refresh the properties of this object."""
        self._take(_found(self.workspace, (self.name, None, None, None, self.version)))

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or change their values."""
        self._change({"tags": {**self.tags, **_texts(tags)}})

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        gone = {tags} if isinstance(tags, str) else set(tags)
        self._change({"tags": {key: value for key, value in self.tags.items() if key not in gone}})

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties."""
        self._change({"properties": {**self.properties, **_texts(properties)}})

    def _change(self, changes: dict[str, Any]) -> None:
        self._take(self.workspace.connection.call("PUT", self._path, changes))

    @property
    def _path(self) -> str:
        return quoted("catalog", "image", self.name, str(self.version))

    def delete(self) -> None:
        """Delete the image. Web services that were deployed from it stay."""
        self.workspace.connection.call("DELETE", self._path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, id={self.id!r})"


class ContainerImage(Image):
    """See :class:`Image`."""

    @staticmethod
    def image_configuration(
        execution_script: str,
        runtime: str,
        conda_file: str | None = None,
        docker_file: str | None = None,
        schema_file: str | None = None,
        dependencies: Sequence[str] | None = None,
        enable_gpu: bool | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: Any = None,
        cuda_version: str | None = None,
    ) -> ContainerImageConfig:
        """Return the scoring script of a web service, and its environment.

        Args:
            execution_script: path of the scoring script on this machine.
            runtime: ``"python"`` or ``"spark-py"``; ignored.
            conda_file: conda environment file.
            docker_file: file with lines of a Dockerfile, which are added to ``base_image``. Ignored with a warning if
                there is none.
            schema_file: ignored.
            dependencies: files and folders that the script needs.
            enable_gpu: ignored.
            tags: tags of the image.
            properties: properties of the image.
            description: description of the image.
            base_image: image that services run in. Default: none.
            base_image_registry: address and account of the image's registry, as a ContainerRegistry.
            cuda_version: ignored with a warning.

        Raises:
            WebserviceException: a file does not exist, or the script has no function ``run``.
        """
        if docker_file is not None and base_image is None:
            warn("ContainerImage: docker_file is ignored. To have services run in an image, name it: base_image='…'.")
            docker_file = None
        for path in (conda_file, *(dependencies or ())):
            if path is not None and not os.path.exists(path):
                raise WebserviceException(f"There is no file or folder '{path}'.")
        source = None
        with contextlib.ExitStack() as removal:
            if dependencies:
                source = tempfile.mkdtemp(prefix="trainshed-image-")
                removal.callback(shutil.rmtree, source, ignore_errors=True)
                for path in (execution_script, *dependencies):
                    _copy(path, source)
                execution_script = os.path.basename(execution_script)
            inference = InferenceConfig(
                execution_script,
                runtime,
                conda_file,
                extra_docker_file_steps=docker_file,
                source_directory=source,
                base_image=base_image,
                base_image_registry=base_image_registry,
                cuda_version=cuda_version,
            )
            check_script(inference.source)
            given = {"tags": tags, "properties": properties, "description": description}
            made = ContainerImageConfig(inference, given)
            weakref.finalize(made, removal.pop_all().close)
        return made


def by_name(workspace: WorkspaceLike, *args: Any, **named: Any) -> dict[str, Image]:
    """Return the newest images of a workspace by name; parameters as for :meth:`Image.list`."""
    return {each.name: each for each in reversed(Image.list(workspace, *args, **named))}


def _found(workspace: WorkspaceLike, wanted: tuple[str | None, str | None, Any, Any, int | None]) -> dict[str, Any]:
    """Return the catalog entry of an image by name or id, tags, properties and version."""
    name, known_as, tags, properties, version = wanted
    if not (name or known_as):
        raise WebserviceException("The image is missing. Pass its name, or its id such as 'digits:1'.")
    for entry in _entries(workspace, name, known_as, tags, properties):
        if version in (None, entry["version"]):
            return entry
    raise WebserviceException(
        f"There is no image '{known_as or name}' in this workspace. Create it with ContainerImage.create(…); ws.images "
        "lists those that are there."
    )


def _entries(
    workspace: WorkspaceLike, name: str | None, known_as: str | None, tags: Any, properties: Any
) -> list[dict[str, Any]]:
    """Return the catalog entries of images, newest first, by name or id, tags and properties."""
    entries = workspace.connection.call("GET", "/catalog/image", query={"name": name})["entries"]
    return [
        entry
        for entry in entries
        if known_as in (None, f"{entry['name']}:{entry['version']}") and fits(entry, (tags, properties, None, None))
    ]


def _texts(labels: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (labels or {}).items()}


def _copy(path: str, folder: str) -> None:
    target = os.path.join(folder, os.path.basename(os.path.abspath(path)))
    if os.path.isdir(path):
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif os.path.isfile(path):
        shutil.copy(path, target)
    else:
        raise WebserviceException(f"There is no file or folder '{path}'.")
