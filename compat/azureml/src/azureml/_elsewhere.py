"""Unsupported compute targets of SDK v1. Their configurations can be created; creating or attaching them raises."""

from __future__ import annotations

from typing import Any, NoReturn

from azureml._cloud_only import Row
from trainshed.api.compute.cluster import AmlCompute
from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.compute.remote import UnavailableConfiguration, unavailable


class _ConfigurationMethod:
    """A method that returns a target configuration, with SDK v1's parameters."""

    def __init__(self, name: str, row: Row) -> None:
        self.__name__ = self.__qualname__ = name
        self.row = row

    @property
    def __signature__(self) -> Any:
        from azureml._made import signature

        return signature(self.row.signature)

    def __call__(self, *args: Any, **kwargs: Any) -> UnavailableConfiguration:
        settings = self.__signature__.bind(*args, **kwargs).arguments
        return UnavailableConfiguration(self.__name__.partition(".")[0], self.row.instead, settings)


class Elsewhere(ComputeTarget):
    """Base class of unsupported compute targets."""

    row: Row
    _member = _ConfigurationMethod

    @classmethod
    def provisioning_configuration(cls, *_: Any, **settings: Any) -> UnavailableConfiguration:
        """Return the configuration for a new target. Creating the target raises an error."""
        return UnavailableConfiguration(cls.__name__, cls.row.instead, settings)

    @classmethod
    def attach_configuration(cls, *_: Any, **settings: Any) -> UnavailableConfiguration:
        """Return the configuration for an existing target. Attaching the target raises an error."""
        return UnavailableConfiguration(cls.__name__, cls.row.instead, settings)

    @staticmethod
    def supported_vmsizes(workspace: Any, location: str | None = None) -> list[dict[str, Any]]:
        """Return the available VM sizes: one entry, describing this machine."""
        return AmlCompute.supported_vmsizes(workspace, location)

    def get_credentials(self) -> NoReturn:
        """Raise an error: the target is not supported.

        Raises:
            ComputeTargetException: always.
        """
        raise unavailable(type(self).__name__, self.row.instead)
