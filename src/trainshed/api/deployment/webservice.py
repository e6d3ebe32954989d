"""Web services, and the three ways in which SDK v1 deployed them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import check_names
from trainshed.api.data.model import Model
from trainshed.api.deployment import deploying, no_code, service_records
from trainshed.api.deployment.configurations import (
    ACI,
    AKS,
    LOCAL,
    OTHERS,
    AciKind,
    AksKind,
    LocalKind,
    WebserviceDeploymentConfiguration,
)
from trainshed.api.deployment.running_service import RunningService
from trainshed.client.http import quoted
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence

    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.api.protocols import WorkspaceLike

_FACTS = {
    "workers": "num_replicas",
    "timeout_ms": "scoring_timeout_ms",
    "gpu_cores": "gpu_cores",
    "collect_model_data": "collect_model_data",
}
"""What the service records of a configuration → its parameter."""


class Webservice(RunningService):
    """A web service on this machine.

    Args:
        workspace: workspace of the service.
        name: name of the service.

    Raises:
        WebserviceException: there is no such service.
    """

    def __new__(cls, workspace: WorkspaceLike, name: str, **kwargs: Any) -> Webservice:  # noqa: PYI034
        """Return an object of the class that the service was deployed with, as SDK v1 did."""
        if cls is Webservice:
            if "_record" not in kwargs:
                kwargs["_record"] = service_records.find(workspace, name)
            return super().__new__(_CLASSES.get(kwargs["_record"].get("kind", LOCAL), LocalWebservice))
        return super().__new__(cls)

    @staticmethod
    def deploy_from_model(
        workspace: WorkspaceLike,
        name: str,
        models: Any,
        image_config: Any,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Deploy models as a web service.

        Args:
            workspace: workspace of the service.
            name: name of the service.
            models: models, or their names.
            image_config: from ``ContainerImage.image_configuration``.
            deployment_config: e.g. from ``AciWebservice.deploy_configuration``.
            deployment_target: compute target of a host that was attached with SshCompute. Default: this machine.
            overwrite: replace a service of this name.

        Returns:
            The service, which is starting: call its :meth:`wait_for_deployment`.

        Raises:
            WebserviceException: a model or the scoring script does not exist, there is a service of this name, its port
                is in use, or a value has the wrong type.
        """
        config = getattr(image_config, "_inference", image_config)
        record = deploying.deploy(workspace, name, models, config, deployment_config, overwrite, deployment_target)
        return Webservice(workspace, name, _record=record)

    @staticmethod
    def deploy_local_from_model(
        workspace: WorkspaceLike,
        name: str,
        models: Any,
        image_config: Any,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
    ) -> Webservice:
        """Deploy models as a web service, replacing one of this name; see :meth:`deploy_from_model`.

        Args:
            workspace: workspace of the service.
            name: name of the service.
            models: models, or their names.
            image_config: from ``ContainerImage.image_configuration``.
            deployment_config: from ``LocalWebservice.deploy_configuration``.
            wait: wait until the service answers.
        """
        service = Webservice.deploy_from_model(workspace, name, models, image_config, deployment_config, None, True)
        if wait:
            service.wait_for_deployment()
        return service

    @staticmethod
    def deploy_from_image(
        workspace: WorkspaceLike,
        name: str,
        image: Any,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Deploy the models of an image as a web service; see :meth:`deploy_from_model`.

        Args:
            workspace: workspace of the service.
            name: name of the service.
            image: from ``ContainerImage.create``, or ``Image(workspace, name)``.
            deployment_config: e.g. from ``AciWebservice.deploy_configuration``.
            deployment_target: compute target of a host that was attached with SshCompute. Default: this machine.
            overwrite: replace a service of this name.
        """
        record = deploying.deploy_image(workspace, name, image, deployment_config, overwrite, deployment_target)
        return Webservice(workspace, name, _record=record)

    @staticmethod
    def deploy(
        workspace: WorkspaceLike,
        name: str,
        model_paths: Sequence[str],
        image_config: Any,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Register local files as models, and deploy them as a web service; see :meth:`deploy_from_model`.

        Args:
            workspace: workspace of the service.
            name: name of the service.
            model_paths: local files or folders, each of which is registered under its own name.
            image_config: from ``ContainerImage.image_configuration``.
            deployment_config: e.g. from ``AciWebservice.deploy_configuration``.
            deployment_target: compute target of a host that was attached with SshCompute. Default: this machine.
            overwrite: replace a service of this name.
        """
        models = [Model.register(workspace, path, os.path.basename(os.path.abspath(path))) for path in model_paths]
        return Webservice.deploy_from_model(
            workspace, name, models, image_config, deployment_config, deployment_target, overwrite
        )

    @staticmethod
    def list(
        workspace: WorkspaceLike,
        compute_type: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        image_digest: str | None = None,
    ) -> builtins.list[Webservice]:
        """Return the web services of a workspace.

        Args:
            workspace: the workspace.
            compute_type: only ``"Local"``, ``"ACI"`` or ``"AKS"``.
            image_name: only services that were deployed from an image of this name.
            image_id: only services that were deployed from this version of an image.
            model_name: only services with this model.
            model_id: only services with this version of a model.
            tags: only services with these tags: keys, or ``[key, value]`` pairs.
            properties: only services with these properties: keys, or ``[key, value]`` pairs.
            image_digest: ignored.
        """
        from trainshed.api.data.model_files import fits

        found = []
        for record in workspace.connection.call("GET", "/webservices")["webservices"]:
            entry = {"tags": record.get("tags") or {}, "properties": record.get("properties") or {}, "record": {}}
            names = [each.rpartition(":")[0] for each in record["models"]]
            if (
                str(compute_type or record.get("kind")).lower() == str(record.get("kind")).lower()
                and image_name in (None, str(record.get("image")).rpartition(":")[0])
                and image_id in (None, record.get("image"))
                and (model_name is None or model_name in names)
                and (model_id is None or model_id in record["models"])
                and fits(entry, (tags, properties, None, None))
            ):
                found.append(Webservice(workspace, record["name"], _record=record))
        return found

    @staticmethod
    def deserialize(workspace: WorkspaceLike, webservice_payload: Mapping[str, Any]) -> Webservice:
        """Return the service that :meth:`serialize` has described.

        Args:
            workspace: its workspace.
            webservice_payload: what :meth:`serialize` has returned.
        """
        return Webservice(workspace, webservice_payload["name"])

    @staticmethod
    def check_for_existing_webservice(workspace: WorkspaceLike, name: str, overwrite: bool = False, **_: Any) -> None:
        """Check that a service could be deployed under a name.

        Args:
            workspace: workspace of the service.
            name: the name.
            overwrite: a service of this name may be there.
            **_: ignored.

        Raises:
            WebserviceException: there is one.
        """
        there = workspace.connection.call("GET", "/webservices")["webservices"]
        if not overwrite and any(each["name"] == name for each in there):
            raise WebserviceException(
                f"There is already a web service '{name}'. Choose another name, or pass overwrite=True."
            )

    def update(
        self,
        models: Any = None,
        inference_config: InferenceConfig | None = None,
        auth_enabled: bool | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        image: Any = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
        **kwargs: Any,
    ) -> None:
        """Change the service.

        If more than its description changes, a new version starts, and the one before answers until that is ready.

        Args:
            models: new models.
            inference_config: new scoring script and environment.
            auth_enabled: whether callers need a key.
            tags: tags to set.
            properties: properties to add.
            description: new description.
            image: new image: its models and its script are taken.
            deployment_config: new port, tags and authentication; requires ``inference_config`` too.
            wait: wait until the service answers.
            **kwargs: ``num_replicas``, ``gpu_cores``, ``scoring_timeout_ms`` and ``collect_model_data``, as for
                ``AksWebservice.deploy_configuration``. SDK v1's others have no effect.

        Raises:
            TypeError: SDK v1 had no such parameter.
            WebserviceException: with ``wait``, the new version does not start; the one before goes on then.
        """
        check_names(f"{type(self).__name__}.update", kwargs, OTHERS)
        target = self._record.get("target")
        if inference_config is None and models is not None and (self._record.get("source") or {}).get("no_code"):
            # The environment is that of the model's framework, which may be of another version now.
            inference_config = no_code.configuration(self.workspace, service_records.model_ids(self.workspace, models))
        given = {fact: kwargs.get(name) for fact, name in _FACTS.items()}
        changes = {k: v for k, v in {**given, "auth": auth_enabled, "models": models}.items() if v is not None}
        config = deployment_config or self._configuration(auth_enabled, kwargs)
        if image is not None:
            self._take(deploying.deploy_image(self.workspace, self.name, image, config, True, target))
        elif inference_config is not None:
            chosen = self._record["models"] if models is None else models
            self._take(deploying.deploy(self.workspace, self.name, chosen, inference_config, config, True, target))
        elif deployment_config is not None:
            raise WebserviceException("To change the deployment_config, pass the inference_config too.")
        elif changes:
            if models is not None:
                changes["models"] = service_records.model_ids(self.workspace, models)
            self._take(service_records.restart(self.workspace, self.name, changes))
        if tags or properties or description is not None:
            texts = [{str(key): str(value) for key, value in (each or {}).items()} for each in (tags, properties)]
            self._change({"tags": texts[0], "properties": texts[1], "description": description})
        if wait:
            self.wait_for_deployment()

    def _configuration(self, auth_enabled: bool | None, given: Mapping[str, Any]) -> WebserviceDeploymentConfiguration:
        record = self._record
        kept = {name: record.get(fact) for fact, name in _FACTS.items()}
        known = None if record.get("open_address") else bool(record["auth"])
        auth = known if auth_enabled is None else auth_enabled
        return WebserviceDeploymentConfiguration(
            self.compute_type, record["port"], auth, self.tags, self.properties, self.description, {**kept, **given}
        )

    def _change(self, changes: dict[str, Any]) -> None:
        self._take(self.workspace.connection.call("POST", quoted("webservices", self.name), changes))

    def reload(self, wait: bool = False) -> None:
        """Start the service anew with the files that its source folder, or its script, has now.

        Args:
            wait: wait until it answers.
        """
        self._take(deploying.reload(self.workspace, self._record))
        if wait:
            self.wait_for_deployment()

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or change their values."""
        self._change({"tags": {str(key): str(value) for key, value in tags.items()}})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags."""
        self._change({"remove": [str(tag) for tag in tags]})

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties."""
        self._change({"properties": {str(key): str(value) for key, value in properties.items()}})


class LocalWebservice(LocalKind, Webservice):
    """A web service that was deployed with ``LocalWebservice.deploy_configuration``.

    Example:
        >>> LocalWebservice.deploy_configuration(port=6789).port
        6789
    """


class AciWebservice(AciKind, Webservice):
    """A web service that was deployed with ``AciWebservice.deploy_configuration``; it runs on this machine."""


class AksWebservice(AksKind, Webservice):
    """A web service that was deployed with ``AksWebservice.deploy_configuration``; it runs on this machine."""


_CLASSES: dict[str, type[Webservice]] = {LOCAL: LocalWebservice, ACI: AciWebservice, AKS: AksWebservice}


def by_name(workspace: WorkspaceLike, *args: Any, **named: Any) -> dict[str, Webservice]:
    """Return the web services of a workspace by name; parameters as for :meth:`Webservice.list`."""
    return {each.name: each for each in Webservice.list(workspace, *args, **named)}
