"""Web services, and the three ways in which SDK v1 deployed them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from trainshed.api.configuration.environment import Environment
from trainshed.api.data.model import Model
from trainshed.api.deployment import service_records
from trainshed.api.deployment.configurations import (
    ACI,
    AKS,
    LOCAL,
    AciKind,
    AksKind,
    LocalKind,
    WebserviceDeploymentConfiguration,
)
from trainshed.api.deployment.inference_config import check_script, staged
from trainshed.api.deployment.running_service import RunningService
from trainshed.api.training.script_run_config import ScriptRunConfig
from trainshed.api.training.submission import submit_source, with_source
from trainshed.client.http import quoted
from trainshed.client.notice import warn
from trainshed.errors import WebserviceException
from trainshed.spec.record import to_json

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence

    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.api.protocols import WorkspaceLike
    from trainshed.spec.run import RunSpec


_EXPERIMENT = "webservices"
_CLOUD = (
    "Web services run here, where only programs on this machine can call them; cores, memory and TLS of {} are ignored."
)
_told: set[str] = set()


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
            deployment_target: ignored; services run on this machine.
            overwrite: replace a service of this name.

        Returns:
            The service, which is starting: call its :meth:`wait_for_deployment`.

        Raises:
            WebserviceException: a model or the scoring script does not exist, there is a service of this name, its port
                is in use, or a value has the wrong type.
        """
        config = getattr(image_config, "_inference", image_config)
        record = _deploy(workspace, name, models, config, deployment_config, overwrite)
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
            image: from ``ContainerImage.create``.
            deployment_config: e.g. from ``AciWebservice.deploy_configuration``.
            deployment_target: ignored; services run on this machine.
            overwrite: replace a service of this name.
        """
        if not hasattr(image, "_inference"):
            raise WebserviceException(
                f"The image is a {type(image).__name__}. Pass a result of ContainerImage.create()."
            )
        return Webservice.deploy_from_model(workspace, name, image.models, image, deployment_config, None, overwrite)

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
            deployment_target: ignored; services run on this machine.
            overwrite: replace a service of this name.
        """
        models = [Model.register(workspace, path, os.path.basename(os.path.abspath(path))) for path in model_paths]
        return Webservice.deploy_from_model(workspace, name, models, image_config, deployment_config, None, overwrite)

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
            image_name: ignored.
            image_id: ignored.
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
                compute_type in (None, record.get("kind"))
                and (model_name is None or model_name in names)
                and (model_id is None or model_id in record["models"])
                and fits(entry, (tags, properties, None, None))
            ):
                found.append(Webservice(workspace, record["name"], _record=record))
        return found

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
            **kwargs: ``num_replicas`` and ``scoring_timeout_ms``, as for ``AksWebservice.deploy_configuration``.

        Raises:
            WebserviceException: with ``wait``, the new version does not start; the one before goes on then.
        """
        if image is not None:
            models, inference_config = image.models, image._inference
        given = {"workers": kwargs.get("num_replicas"), "timeout_ms": kwargs.get("scoring_timeout_ms")}
        changes = {k: v for k, v in {**given, "auth": auth_enabled, "models": models}.items() if v is not None}
        if inference_config is not None:
            config = deployment_config or self._configuration(auth_enabled, kwargs)
            chosen = self._record["models"] if models is None else models
            self._take(_deploy(self.workspace, self.name, chosen, inference_config, config, True))
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
        kept = {"num_replicas": record.get("workers"), "scoring_timeout_ms": record.get("timeout_ms")}
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
        self._take(_reload(self.workspace, self._record))
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


def _deploy(
    workspace: WorkspaceLike,
    name: str,
    models: Sequence[Any],
    inference_config: InferenceConfig | None,
    deployment_config: WebserviceDeploymentConfiguration | None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Deploy models as a web service; see :meth:`trainshed.api.data.model.Model.deploy`.

    Returns:
        The service's record.
    """
    if inference_config is None:
        raise WebserviceException(
            "Pass an inference_config: InferenceConfig(entry_script='score.py', environment=env). Deploying a model "
            "without a scoring script is not supported."
        )
    config = deployment_config or WebserviceDeploymentConfiguration(LOCAL)
    if not hasattr(config, "facts"):
        raise WebserviceException(
            f"deployment_config is a {type(config).__name__}. Use LocalWebservice.deploy_configuration(), or the same "
            "of AciWebservice or AksWebservice."
        )
    ids = service_records.model_ids(workspace, models)
    source = inference_config.source
    script = check_script(source)
    if config.kind != LOCAL and config.kind not in _told:
        _told.add(config.kind)
        warn(_CLOUD.format(f"{config.kind.capitalize()}Webservice.deploy_configuration"))
    body = {
        "facts": {**config.facts, "source": source, "entry_script": inference_config.entry_script},
        "port": config.port,
        "overwrite": bool(overwrite),
    }

    def post(spec: RunSpec) -> dict[str, Any]:
        return _put(workspace, name, {**body, "spec": to_json(spec)})

    return _upload(workspace, source, script, inference_config._environment(), ids, post)


def _put(workspace: WorkspaceLike, name: str, body: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = workspace.connection.call("PUT", quoted("webservices", name), body)
    return record


def _upload(
    workspace: WorkspaceLike, source: dict[str, Any], script: str, environment: Environment, ids: list[str], post: Any
) -> dict[str, Any]:
    folder, temporary = staged(source)
    try:
        config = ScriptRunConfig(folder, script, arguments=ids, environment=environment)
        taken, spec = with_source(workspace, _EXPERIMENT, config, {}, {})
        return submit_source(workspace.connection, taken, spec, post)
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _reload(workspace: WorkspaceLike, record: dict[str, Any]) -> dict[str, Any]:
    """Start a web service anew with the files that its source has now.

    Args:
        workspace: its workspace.
        record: the service's record.

    Raises:
        WebserviceException: the source is not there any more.
    """
    source = record.get("source") or {}
    if not source:
        raise WebserviceException(f"It is not known where the source of '{record['name']}' is. Deploy it again.")
    script = check_script(source)

    def post(spec: RunSpec) -> dict[str, Any]:
        return service_records.restart(workspace, record["name"], {"snapshot": spec.snapshot})

    return _upload(workspace, source, script, Environment("inference"), [], post)
