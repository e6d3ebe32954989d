"""What a model is deployed by: mixin of :class:`trainshed.api.data.model.Model`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


class ModelDeployment:
    """Mixin that deploys models."""

    workspace: WorkspaceLike
    _entry: dict[str, Any]

    @property
    def sample_input_dataset(self) -> Any:
        """Dataset with sample requests that the model was registered with, or None."""
        return self._sample("input")

    @property
    def sample_output_dataset(self) -> Any:
        """Dataset with sample answers that the model was registered with, or None."""
        return self._sample("output")

    def _sample(self, kind: str) -> Any:
        kept = self._entry["record"].get(f"sample_{kind}")
        return self.workspace.dataset_of(kept[1], kept[0]) if kept else None

    @staticmethod
    def deploy(
        workspace: WorkspaceLike,
        name: str,
        models: Sequence[Any],
        inference_config: Any = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Any:
        """Deploy models as a web service on this machine.

        Args:
            workspace: workspace of the service.
            name: name of the service.
            models: models, or their names.
            inference_config: an InferenceConfig: scoring script and environment. Default: those for the framework with
                which the only model was registered, scikit-learn or ONNX.
            deployment_config: e.g. from ``LocalWebservice.deploy_configuration``.
            deployment_target: compute target of a host that was attached with SshCompute. Default: this machine.
            overwrite: replace a service of this name.
            show_output: ignored; see :meth:`Webservice.wait_for_deployment`.

        Returns:
            The Webservice, which is starting.

        Raises:
            WebserviceException: see :meth:`Webservice.deploy_from_model`.
        """
        return workspace._deploy(name, models, inference_config, deployment_config, overwrite, deployment_target)

    @staticmethod
    def print_configuration(
        models: Sequence[Any], inference_config: Any, deployment_config: Any, deployment_target: Any = None
    ) -> None:
        """Print how models would be deployed; nothing is deployed.

        Args:
            models: models, or their names.
            inference_config: an InferenceConfig.
            deployment_config: e.g. from ``LocalWebservice.deploy_configuration``.
            deployment_target: compute target. Default: this machine.
        """
        print("models:", [each if isinstance(each, str) else each.id for each in models])  # noqa: T201
        print("inference_config:", inference_config)  # noqa: T201
        print("deployment_target:", getattr(deployment_target, "name", None) or "this machine")  # noqa: T201
        if deployment_config is not None:
            deployment_config.print_deploy_configuration()

    @staticmethod
    def profile(
        workspace: WorkspaceLike,
        profile_name: str,
        models: Sequence[Any],
        inference_config: Any,
        input_dataset: Any,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
    ) -> Any:
        """Measure what models need: latencies, CPU and memory over the requests of a dataset.

        The models are deployed as a web service for that, which is deleted afterwards.

        Args:
            workspace: workspace of the models.
            profile_name: name of the profile.
            models: models, or their names.
            inference_config: an InferenceConfig: scoring script and environment. None: as for :meth:`deploy`.
            input_dataset: TabularDataset with one column, whose values are the bodies of requests.
            cpu: only told in the profile; nothing is limited.
            memory_in_gb: only told in the profile; nothing is limited.
            description: description of the profile.

        Returns:
            A ModelProfile: call its ``wait_for_completion()``, then its ``get_details()``.

        Raises:
            WebserviceException: see :meth:`deploy`.
            UserErrorException: the name is invalid, or the dataset has not one column.
        """
        requested = {"requestedCpu": cpu, "requestedMemoryInGB": memory_in_gb}
        return workspace._profile(profile_name, models, inference_config, input_dataset, requested, description)

    @staticmethod
    def package(
        workspace: WorkspaceLike,
        models: Sequence[Any],
        inference_config: Any = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> Any:
        """Build a container image that answers requests with models, with podman or docker on this machine.

        Args:
            workspace: workspace of the models.
            models: models, or their names.
            inference_config: an InferenceConfig: scoring script and environment. Default: as for :meth:`deploy`.
            generate_dockerfile: make a folder with a Dockerfile instead, which needs neither podman nor docker.
            image_name: name of the image. Default: ``"package"``.
            image_label: label of the image. Default: the time.

        Returns:
            A ModelPackage: call its ``wait_for_creation()``, then ``pull()``, or ``save(folder)`` for a Dockerfile.

        Raises:
            WebserviceException: there is neither podman nor docker, or see :meth:`deploy`.
        """
        return workspace._package(models, inference_config, generate_dockerfile, image_name, image_label)
