"""What a run leaves to others: models; and what it may know: secrets, its environment."""

from __future__ import annotations

from trainshed.api.runs.run_base import RunBase
from trainshed.errors import TYPE_CHECKING, UserErrorException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trainshed.api.configuration.environment import Environment
    from trainshed.api.data.model import Model


class RunModels(RunBase):
    """Registers models, and reads secrets.

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
        """Keep a file or a folder of the run as a new version of a model.

        Args:
            model_name: its name.
            model_path: file or folder among the run's files, e.g. ``"outputs/model.pkl"``; the model's name if None.
            tags: labels that can be changed.
            properties: labels that cannot.
            model_framework: e.g. ``Model.Framework.SCIKITLEARN``.
            model_framework_version: version of it.
            description: what it is.
            datasets: this and the rest are accepted and not kept.
            **kwargs: further keywords of v1, not used.

        Returns:
            The model.

        Raises:
            ModelPathNotFoundException: the run has no such file; the sentence names the nearest.

        Example:
            >>> run.register_model("ridge", "outputs/model.pkl").name
            'ridge'
        """
        from trainshed.api.data.model import Model

        more = {"description": description, "framework": model_framework, "framework_version": model_framework_version}
        run: Any = self
        return Model._of_run(run, model_name, (model_path or model_name).rstrip("/"), more, (tags, properties))

    def get_secret(self, name: str) -> str | None:
        """Return a secret of the workspace, or None if there is none of this name."""
        return self._experiment.workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets: list[str]) -> dict[str, str | None]:
        """Return secrets of the workspace by name; None for those that are not there."""
        return self._experiment.workspace.get_default_keyvault().get_secrets(secrets)

    def get_environment(self) -> Environment:
        """Return the environment it ran in, as it was asked for.

        Raises:
            UserErrorException: it is an interactive run: it runs in whatever its program runs in.
        """
        from trainshed.api.configuration.environment import Environment

        spec = self._call("GET")["spec"]
        if not spec.get("command") and not spec.get("script"):
            raise UserErrorException(f"Run {self._id} is interactive: its environment is that of its own program.")
        return Environment._of_spec(spec)
