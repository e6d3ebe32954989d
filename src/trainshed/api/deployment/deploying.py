"""Sending of web services: their models, their source and their environment."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from trainshed.api.configuration.environment import Environment
from trainshed.api.deployment import no_code, service_records
from trainshed.api.deployment import package as packages
from trainshed.api.deployment.configurations import LOCAL, WebserviceDeploymentConfiguration
from trainshed.api.deployment.inference_config import check_script, staged
from trainshed.api.training.script_run_config import ScriptRunConfig
from trainshed.client.http import quoted
from trainshed.client.notice import warn
from trainshed.errors import WebserviceException
from trainshed.spec.record import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.api.protocols import WorkspaceLike
    from trainshed.spec.run import RunSpec

_EXPERIMENT = "webservices"
_CLOUD = (
    "Web services run here, where only programs on this machine can call them; cores, memory and TLS of {} are ignored."
)
_told: set[str] = set()


def deploy(
    workspace: WorkspaceLike,
    name: str,
    models: Sequence[Any],
    inference_config: InferenceConfig | None,
    deployment_config: WebserviceDeploymentConfiguration | None,
    overwrite: bool = False,
    target: Any = None,
) -> dict[str, Any]:
    """Deploy models as a web service; see :meth:`trainshed.api.data.model.Model.deploy`.

    Args:
        workspace: workspace of the service.
        name: name of the service.
        models: models, or their names.
        inference_config: scoring script and environment. Default: those for the framework of the only model.
        deployment_config: port, authentication, tags and description.
        overwrite: replace a service of this name.
        target: compute target; default: this machine.

    Returns:
        The service's record.
    """
    ids = service_records.model_ids(workspace, models)
    if inference_config is None:
        inference_config = no_code.configuration(workspace, ids)
    source = inference_config.source
    script = check_script(source)
    body = _body(deployment_config, overwrite, {"source": source, "entry_script": inference_config.entry_script})

    def post(spec: RunSpec) -> dict[str, Any]:
        return _put(workspace, name, {**body, "spec": to_json(spec)})

    return upload(workspace, source, script, inference_config._environment(), ids, post, _elsewhere(target))


def deploy_image(
    workspace: WorkspaceLike,
    name: str,
    image: Any,
    deployment_config: WebserviceDeploymentConfiguration | None,
    overwrite: bool = False,
    target: Any = None,
) -> dict[str, Any]:
    """Deploy an image as a web service.

    Args:
        workspace: workspace of the service.
        name: name of the service.
        image: an :class:`~trainshed.api.deployment.image.Image`.
        deployment_config: port, authentication, tags and description.
        overwrite: replace a service of this name.
        target: compute target; default: this machine.

    Returns:
        The service's record.
    """
    if not hasattr(image, "_spec"):
        raise WebserviceException(f"The image is a {type(image).__name__}. Pass a result of ContainerImage.create().")
    body = _body(deployment_config, overwrite, {"entry_script": image._spec["script"], "image": image.id})
    place = _elsewhere(target)
    spec = {**image._spec, "target": image._spec["target"] if place is None else getattr(place, "name", place)}
    return _put(workspace, name, {**body, "spec": spec})


def _body(
    deployment_config: WebserviceDeploymentConfiguration | None, overwrite: bool, facts: dict[str, Any]
) -> dict[str, Any]:
    config = deployment_config or WebserviceDeploymentConfiguration(LOCAL)
    if not hasattr(config, "facts"):
        raise WebserviceException(
            f"deployment_config is a {type(config).__name__}. Use LocalWebservice.deploy_configuration(), or the same "
            "of AciWebservice or AksWebservice."
        )
    if config.kind != LOCAL and config.kind not in _told:
        _told.add(config.kind)
        warn(_CLOUD.format(f"{config.kind.capitalize()}Webservice.deploy_configuration"))
    whole = {**config.facts, **facts}
    return {"facts": whole, "port": config.port, "overwrite": bool(overwrite), "keys": config._keys}


def _elsewhere(target: Any) -> Any:
    """Return a target that is another machine; None for clusters, which are folders of this one."""
    return None if getattr(target, "_record", {}).get("kind") in ("cluster", "local") else target


def _put(workspace: WorkspaceLike, name: str, body: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = workspace.connection.call("PUT", quoted("webservices", name), body)
    return record


def upload(
    workspace: WorkspaceLike,
    source: dict[str, Any],
    script: str,
    environment: Environment,
    ids: list[str],
    post: Callable[[RunSpec], dict[str, Any]],
    target: Any = None,
) -> dict[str, Any]:
    """Send the source of a web service, and the request that ``post`` sends with what is to run.

    Args:
        workspace: its workspace.
        source: as in :attr:`InferenceConfig.source`.
        script: path of the scoring script in it.
        environment: interpreter and packages.
        ids: ids of its models.
        post: sends the request, and returns the answer.
        target: another machine than this one.
    """
    folder, temporary = staged(source)
    try:
        config = ScriptRunConfig(folder, script, arguments=ids, environment=environment, compute_target=target)
        return workspace._send_source(_EXPERIMENT, config, post)
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def reload(workspace: WorkspaceLike, record: dict[str, Any]) -> dict[str, Any]:
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

    return upload(workspace, source, script, Environment("inference"), [], post)


def package(
    workspace: WorkspaceLike,
    models: Any,
    inference_config: InferenceConfig | None,
    generate_dockerfile: bool,
    name: str | None,
    label: str | None,
) -> packages.ModelPackage:
    """Make a container image of models; see :meth:`trainshed.api.data.model.Model.package`."""
    ids = service_records.model_ids(workspace, models)
    config = no_code.configuration(workspace, ids) if inference_config is None else inference_config
    image, engine = packages.image_name(name, label), "" if generate_dockerfile else packages.engine()
    source = config.source
    script = check_script(source)

    def post(spec: RunSpec) -> dict[str, Any]:
        recipe: dict[str, Any] = workspace.connection.call("POST", "/packages/recipe", {"spec": to_json(spec)})
        return recipe

    recipe = upload(workspace, source, script, config._environment(), ids, post)
    folder, temporary = staged(source)
    try:
        made = packages.lay_out(workspace, config, ids, script, folder, recipe)
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    return packages.ModelPackage(workspace, made, "" if generate_dockerfile else image, engine)
