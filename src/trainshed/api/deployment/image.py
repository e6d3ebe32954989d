"""Images of 2018: models with a scoring script and its environment, which a web service is made of."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.deployment.inference_config import InferenceConfig, check_script
from trainshed.api.deployment.service_records import model_ids
from trainshed.client.notice import say, warn
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        self.tags = dict(given.get("tags") or {})
        self.properties = dict(given.get("properties") or {})
        self.description = given.get("description")


class Image:
    """Models with a scoring script and its environment. No container image is built: services run on this machine.

    An image exists only in the program that creates it; what is deployed from it stays.

    Args:
        workspace: workspace of the models.
        name: name of the image.
        **kwargs: what :meth:`create` passes.

    Raises:
        WebserviceException: the image was created by another program.
    """

    _versions: ClassVar[dict[str, int]] = {}

    def __init__(self, workspace: WorkspaceLike, name: str | None = None, **kwargs: Any) -> None:
        if "_config" not in kwargs:
            raise WebserviceException(
                "An image exists only in the program that creates it. Create it again: ContainerImage.create(…)."
            )
        config = kwargs["_config"]
        self.workspace = workspace
        self.name = str(name)
        self.models: list[str] = kwargs["_models"]
        self.version = self._versions[self.name] = self._versions.get(self.name, 0) + 1
        self.id = f"{name}:{self.version}"
        self._inference: InferenceConfig = config._inference
        self.tags, self.properties, self.description = config.tags, config.properties, config.description
        self.creation_state = "Succeeded"
        self.image_location = self.image_build_log_uri = None
        self.image_flavor, self.image_type = "WebApiContainer", "ContainerImage"

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

    def delete(self) -> None:
        """Do nothing: an image is not stored."""

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


def _copy(path: str, folder: str) -> None:
    target = os.path.join(folder, os.path.basename(os.path.abspath(path)))
    if os.path.isdir(path):
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif os.path.isfile(path):
        shutil.copy(path, target)
    else:
        raise WebserviceException(f"There is no file or folder '{path}'.")
