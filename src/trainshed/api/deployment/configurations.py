"""Deployment configurations: port, authentication, tags and description of a web service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.checks import check_names
from trainshed.errors import WebserviceException
from trainshed.spec.serving import check_gpus, check_key, check_timeout, check_workers

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTS = ("workers", "num_replicas", "autoscale_min_replicas")
LOCAL, ACI, AKS = "Local", "ACI", "AKS"
_BOTH = (
    "cpu_cores memory_gb tags properties description auth_enabled collect_model_data enable_app_insights primary_key "
    "secondary_key workers gpu_cores"
)
_OF_ACI = (
    f"{_BOTH} location ssl_enabled ssl_cert_pem_file ssl_key_pem_file ssl_cname dns_name_label vnet_name subnet_name "
    "cmk_vault_base_url cmk_key_name cmk_key_version"
).split()
_OF_AKS = (
    f"{_BOTH} autoscale_enabled autoscale_min_replicas autoscale_max_replicas autoscale_refresh_seconds namespace "
    "autoscale_target_utilization scoring_timeout_ms replica_max_concurrent_requests max_request_wait_time "
    "num_replicas period_seconds initial_delay_seconds timeout_seconds success_threshold failure_threshold "
    "token_auth_enabled compute_target_name cpu_cores_limit memory_gb_limit blobfuse_enabled"
).split()
OTHERS = {*_OF_ACI, *_OF_AKS} - {
    "primary_key",
    "secondary_key",
    "workers",
    "compute_target_name",
}
"""Further parameters of updates in SDK v1, most of which have no effect here."""


class WebserviceDeploymentConfiguration:
    """Base class of deployment configurations.

    Args:
        kind: ``"Local"``, ``"ACI"`` or ``"AKS"``, as the service is called in ``compute_type``.
        port: port on this machine. Default: a free one.
        auth_enabled: callers need a key. Default: only those who do not use ``scoring_uri``, which contains one.
        tags: tags of the service.
        properties: properties of the service, which cannot be changed later.
        description: description of the service.
        given: the other parameters. Those with an effect are ``num_replicas`` or ``workers`` (the number of processes
            that answer, 1 by default), ``gpu_cores`` (GPUs of each of them, none by default), ``scoring_timeout_ms``
            (the time for a call of the script), ``collect_model_data`` (what the script gives to a
            ``ModelDataCollector`` is kept), ``primary_key`` and ``secondary_key``.

    Raises:
        WebserviceException: a value is not possible.
    """

    def __init__(
        self,
        kind: str,
        port: int | None = None,
        auth_enabled: bool | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536):
            raise WebserviceException(f"The port is {port!r}; it must be a number from 1 to 65535.")
        self.kind = kind
        self.port = port
        self.auth_enabled = auth_enabled
        self.tags = tags
        self.properties = properties
        self.description = description
        self.given = dict(given or {})
        counts = [self.given[name] for name in _COUNTS if self.given.get(name) is not None]
        timeout = self.given.get("scoring_timeout_ms")
        self._workers = check_workers(counts[0]) if counts else None
        self._timeout = None if timeout is None else check_timeout(timeout)
        self._gpus = check_gpus(self.given.get("gpu_cores") or 0)
        self._keys = [self.given.get("primary_key"), self.given.get("secondary_key")]
        for key in self._keys:
            if key is not None:
                check_key(key)

    def __getattr__(self, name: str) -> Any:
        """Return a parameter that is only stored."""
        try:
            return self.__dict__["given"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'") from None

    @property
    def facts(self) -> dict[str, Any]:
        """What the service records of it (Trainshed extension)."""
        # The address has a key in it, so that programs which send none, as most for SDK v1, can use it.
        return {
            "kind": self.kind,
            "auth": self.auth_enabled is not False,
            "open_address": self.auth_enabled is None,
            "tags": {str(key): str(value) for key, value in (self.tags or {}).items()},
            "properties": {str(key): str(value) for key, value in (self.properties or {}).items()},
            "description": self.description,
            "workers": self._workers,
            "timeout_ms": self._timeout,
            "gpu_cores": self._gpus,
            "collect_model_data": bool(self.given.get("collect_model_data")),
        }

    def validate_configuration(self) -> None:
        """Do nothing: values are checked when the configuration is created."""

    def print_deploy_configuration(self) -> None:
        """Print the configuration, without its keys."""
        shown = {name: value for name, value in self.given.items() if not name.endswith("_key")}
        print({name: value for name, value in {**self.facts, **shown}.items() if value is not None})  # noqa: T201


class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """Result of ``LocalWebservice.deploy_configuration``."""


class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """Result of ``AciWebservice.deploy_configuration``."""


class AksServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """Result of ``AksWebservice.deploy_configuration``."""


class LocalKind:
    """Makes the configurations of :class:`~trainshed.api.deployment.webservice.LocalWebservice`."""

    @staticmethod
    def deploy_configuration(
        port: int | None = None, workers: int = 1, gpu_cores: int = 0
    ) -> LocalWebserviceDeploymentConfiguration:
        """Return a deployment configuration.

        Args:
            port: port on this machine. Default: a free one.
            workers: number of processes that answer, each with its own copy of the model (Trainshed extension).
            gpu_cores: number of GPUs of each process, which nobody else gets (Trainshed extension).

        Raises:
            WebserviceException: not a port, or not a number of processes or GPUs.
        """
        return LocalWebserviceDeploymentConfiguration(LOCAL, port, given={"workers": workers, "gpu_cores": gpu_cores})


class AciKind:
    """Makes the configurations of :class:`~trainshed.api.deployment.webservice.AciWebservice`."""

    @staticmethod
    def deploy_configuration(
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        location: str | None = None,
        auth_enabled: bool | None = None,
        **kwargs: Any,
    ) -> AciServiceDeploymentConfiguration:
        """Return a deployment configuration. SDK v1's other parameters are only stored.

        Args:
            cpu_cores: only stored.
            memory_gb: only stored.
            tags: tags of the service.
            properties: properties of the service.
            description: description of the service.
            location: only stored.
            auth_enabled: True: callers send a key. False: none is needed. Default: ``scoring_uri`` contains a key.
            **kwargs: ``primary_key`` and ``secondary_key``: the keys. Default: random ones. ``workers``: number of
                processes that answer, and ``gpu_cores``: GPUs of each (Trainshed extensions).

        Raises:
            TypeError: SDK v1 had no such parameter.
            WebserviceException: a value is not possible.
        """
        check_names("AciWebservice.deploy_configuration", kwargs, _OF_ACI)
        given = {"cpu_cores": cpu_cores, "memory_gb": memory_gb, "location": location, **kwargs}
        return AciServiceDeploymentConfiguration(ACI, None, auth_enabled, tags, properties, description, given)


class AksKind:
    """Makes the configurations of :class:`~trainshed.api.deployment.webservice.AksWebservice`."""

    @staticmethod
    def deploy_configuration(
        autoscale_enabled: bool | None = None,
        auth_enabled: bool | None = None,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> AksServiceDeploymentConfiguration:
        """Return a deployment configuration. SDK v1's other parameters are only stored.

        Args:
            autoscale_enabled: only stored.
            auth_enabled: False: callers need no key. Default: they send one, as in SDK v1.
            cpu_cores: only stored.
            memory_gb: only stored.
            tags: tags of the service.
            properties: properties of the service.
            description: description of the service.
            **kwargs: ``num_replicas``, or else ``autoscale_min_replicas``: number of processes that answer requests.
                ``gpu_cores``: GPUs of each, which nobody else gets. ``scoring_timeout_ms``: time for a call of the
                script. ``primary_key`` and ``secondary_key``: the keys. Default: random ones.

        Raises:
            TypeError: SDK v1 had no such parameter.
            WebserviceException: a value is not possible.
        """
        check_names("AksWebservice.deploy_configuration", kwargs, _OF_AKS)
        given = {"autoscale_enabled": autoscale_enabled, "cpu_cores": cpu_cores, "memory_gb": memory_gb, **kwargs}
        auth = True if auth_enabled is None else auth_enabled
        return AksServiceDeploymentConfiguration(AKS, None, auth, tags, properties, description, given)
