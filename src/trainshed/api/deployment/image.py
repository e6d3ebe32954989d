"""Images of 2018: models with a scoring script and its environment, which a web service is made of."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.data.model_files import fits
from trainshed.api.deployment.inference_config import InferenceConfig, check_script
from trainshed.api.deployment.service_records import model_ids
from trainshed.client.notice import say, warn
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping, Sequence

    from trainshed.api.protocols import WorkspaceLike


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
    """Models with a scoring script and its environment. No container image is built: services run on this machine.

    An image exists only in the program that creates it; what is deployed from it stays.

    Args:
        workspace: workspace of the models.
        name: name of the image.
        id: ``"name:version"``, as an alternative to ``name`` and ``version``.
        tags: only versions with these tags: keys, or ``[key, value]`` pairs.
        properties: only versions with these properties: keys, or ``[key, value]`` pairs.
        version: version number. Default: the latest version.
        **kwargs: what :meth:`create` passes.

    Raises:
        WebserviceException: this program has created no such image.
    """

    _made: ClassVar[dict[tuple[str, str], list[Image]]] = {}
    """The images of this program: workspace and name → versions."""

    def __new__(  # noqa: PYI034
        cls,
        workspace: WorkspaceLike,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        version: int | None = None,
        **kwargs: Any,
    ) -> Image:
        """Return the image of this name if it was not :meth:`create` that asks for one."""
        if "_config" in kwargs:
            return super().__new__(cls)
        return cls._find(workspace, name, id, tags, properties, version)

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
        if "_config" not in kwargs:
            return  # it was created before
        config = kwargs["_config"]
        self.workspace = workspace
        self.name = str(name)
        self.models: list[str] = kwargs["_models"]
        versions = self._made.setdefault((workspace.identity, self.name), [])
        self.version: int = max((each.version for each in versions), default=0) + 1
        versions.append(self)
        self.id = f"{name}:{self.version}"
        self._inference: InferenceConfig = config._inference
        self.tags, self.properties, self.description = dict(config.tags), dict(config.properties), config.description
        self.creation_state = "Succeeded"
        self.image_location = self.image_build_log_uri = None
        self.image_flavor, self.image_type = "WebApiContainer", "ContainerImage"
        self.created_time = dt.datetime.now(dt.timezone.utc)

    @classmethod
    def _find(
        cls,
        workspace: WorkspaceLike,
        name: str | None,
        id: str | None,
        tags: Any,
        properties: Any,
        version: int | None,
    ) -> Image:
        if not (name or id):
            raise WebserviceException("The image is missing. Pass its name, or its id such as 'digits:1'.")
        found = Image.list(workspace, name, id, tags=tags, properties=properties)
        for each in found:
            if version in (None, each.version):
                return each
        raise WebserviceException(
            f"This program has created no image '{id or name}'. An image exists only in the program that creates it: "
            "ContainerImage.create(…). Web services that were deployed from one are in ws.webservices."
        )

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
        """Return the images that this program has created, newest first.

        Args:
            workspace: workspace of the images.
            image_name: only images of this name.
            image_id: only this version of an image.
            model_name: only images with this model.
            model_id: only images with this version of a model.
            tags: only images with these tags: keys, or ``[key, value]`` pairs.
            properties: only images with these properties: keys, or ``[key, value]`` pairs.
        """
        made = [each for (where, _), all_ in Image._made.items() if where == workspace.identity for each in all_]
        return [
            each
            for each in sorted(made, key=lambda image: image.created_time, reverse=True)
            if image_name in (None, each.name)
            and image_id in (None, each.id)
            and (model_name is None or model_name in [model.rpartition(":")[0] for model in each.models])
            and (model_id is None or model_id in each.models)
            and fits({"tags": each.tags, "properties": each.properties, "record": {}}, (tags, properties, None, None))
        ]

    @staticmethod
    def create(workspace: WorkspaceLike, name: str, models: Any, image_config: ContainerImageConfig) -> Image:
        """Return an image of models.

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
        return ContainerImage(workspace, name, _models=model_ids(workspace, models), _config=image_config)

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

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or change their values."""
        self.tags.update({str(key): str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        for each in tags:
            self.tags.pop(each, None)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties."""
        self.properties.update({str(key): str(value) for key, value in properties.items()})

    def delete(self) -> None:
        """Delete the image. Web services that were deployed from it stay."""
        self._made[self.workspace.identity, self.name].remove(self)

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
        **kwargs: Any,
    ) -> ContainerImageConfig:
        """Return the scoring script of a web service, and its environment.

        Args:
            execution_script: path of the scoring script on this machine.
            runtime: ``"python"`` or ``"spark-py"``; ignored.
            conda_file: conda environment file.
            docker_file: ignored with a warning.
            schema_file: ignored.
            dependencies: files and folders that the script needs.
            enable_gpu: ignored.
            tags: tags of the image.
            properties: properties of the image.
            description: description of the image.
            **kwargs: ignored.

        Raises:
            WebserviceException: a file does not exist, or the script has no function ``run``.
        """
        if docker_file is not None:
            warn("ContainerImage: docker_file is ignored, because web services do not run in images here.")
        for path in (conda_file, *(dependencies or ())):
            if path is not None and not os.path.exists(path):
                raise WebserviceException(f"There is no file or folder '{path}'.")
        source = None
        if dependencies:
            source = tempfile.mkdtemp(prefix="trainshed-image-")
            for path in (execution_script, *dependencies):
                _copy(path, source)
            execution_script = os.path.basename(execution_script)
        inference = InferenceConfig(execution_script, runtime, conda_file, source_directory=source)
        check_script(inference.source)
        return ContainerImageConfig(inference, {"tags": tags, "properties": properties, "description": description})


def by_name(workspace: WorkspaceLike, *args: Any, **named: Any) -> dict[str, Image]:
    """Return the newest images of this program by name; parameters as for :meth:`Image.list`."""
    return {each.name: each for each in reversed(Image.list(workspace, *args, **named))}


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
