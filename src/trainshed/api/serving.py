"""Classes of v1 that serve models or link clouds: each says what to use instead."""

from __future__ import annotations

from trainshed.api.cloud import CloudOnly

_SERVE = "load the model in a service of your own: Model(ws, name).download()"
_NETWORK = "the service listens on this machine alone"


class _Serving(CloudOnly):
    instead = _SERVE


class Webservice(_Serving):
    """Serves models in v1's cloud."""

    members: tuple[str, ...] = (
        *("deploy", "deploy_from_model", "deploy_from_image", "deploy_local_from_model", "list", "delete", "run"),
        *("wait_for_deployment", "get_logs"),
    )


class AciWebservice(Webservice):
    """Serves models in v1's cloud."""

    members = ("deploy_configuration", "deploy", "deploy_from_model", "deploy_from_image", "list")


class AksWebservice(Webservice):
    """Serves models in v1's cloud."""

    members = ("deploy_configuration", "deploy", "deploy_from_model", "deploy_from_image", "list")


class LocalWebservice(Webservice):
    """Serves models in a container."""

    members = ("deploy_configuration", "deploy", "deploy_from_model", "deploy_from_image", "list")


class InferenceConfig(_Serving):
    """Says how a model is served."""


class Image(_Serving):
    """An image with a model."""

    members: tuple[str, ...] = ("create", "get", "list", "image_configuration", "delete")


class ContainerImage(Image):
    """An image with a model."""

    members = ("image_configuration", "create", "get", "list")


class LinkedService(CloudOnly):
    """A service of v1's cloud."""

    members = ("register", "get", "list", "unregister")


class SynapseWorkspaceLinkedServiceConfiguration(CloudOnly):
    """A service of v1's cloud."""


class PrivateEndPoint(CloudOnly):
    """A network of v1's cloud."""

    instead = _NETWORK


class PrivateEndPointConfig(CloudOnly):
    """A network of v1's cloud."""

    instead = _NETWORK
