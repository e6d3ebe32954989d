"""Models, secrets, and environment of a run."""

from __future__ import annotations

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec.checks import without_dot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trainshed.api.configuration.environment import Environment
    from trainshed.api.data.model import Model


class RunModels(RunBase):
    """Mixin that registers models and reads secrets.

    Example:
        >>> run.register_model("ridge-again", "outputs/model.pkl").version
        1
    """

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> Model:
        """Register a file or folder of the run as a new version of a model.

        Args:
            model_name: name of the model.
            model_path: file or folder of the run, e.g. ``"outputs/model.pkl"``. Default: ``model_name``.
            tags: tags of the model.
            properties: properties of the model, which cannot be changed later.
            model_framework: e.g. ``Model.Framework.SCIKITLEARN``.
            model_framework_version: version of the framework.
            description: description of the model.
            datasets: datasets that the model was made with: ``(purpose, dataset)`` pairs.
            sample_input_dataset: dataset with sample requests; only stored.
            sample_output_dataset: dataset with sample answers; only stored.
            resource_configuration: resources that a service of the model should have; only stored.
            **kwargs: ignored.

        Raises:
            ModelPathNotFoundException: the run has no such file or folder. The message suggests the closest match.

        Example:
            >>> run.register_model("ridge", "outputs/model.pkl").name
            'ridge'
        """
        from trainshed.api.data.model import Model
        from trainshed.api.data.model_files import dataset_records, usage_records

        more = {
            "description": description,
            "framework": model_framework,
            "framework_version": model_framework_version,
            "datasets": dataset_records(datasets),
            **usage_records(sample_input_dataset, sample_output_dataset, resource_configuration),
        }
        run: Any = self
        path = without_dot(model_path or model_name).rstrip("/")
        return Model._of_run(run, model_name, path, more, (tags, properties))

    def get_secret(self, name: str) -> str | None:
        """Return a secret from the workspace's key vault, or None if it does not exist."""
        return self._experiment.workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets: list[str]) -> dict[str, str | None]:
        """Return secrets from the workspace's key vault by name, with None for those that do not exist."""
        return self._experiment.workspace.get_default_keyvault().get_secrets(secrets)

    @property
    def input_datasets(self) -> dict[str, Any]:
        """Datasets that the run was submitted with, by the names of its inputs."""
        from trainshed.api.runs.details import input_dataset

        workspace = self._experiment.workspace
        return {item["name"]: input_dataset(item, workspace) for item in self._call("GET")["spec"]["inputs"]}

    def get_environment(self) -> Environment:
        """Return the environment that the run was submitted with.

        Raises:
            UserErrorException: the run is interactive, so it has no environment of its own.
        """
        from trainshed.api.configuration.environment import Environment

        spec = self._call("GET")["spec"]
        if not spec.get("command") and not spec.get("script"):
            raise UserErrorException(f"Run {self._id} is interactive: it has no environment of its own.")
        return Environment._of_spec(spec)
