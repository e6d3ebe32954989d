"""Compute targets of v1 that are elsewhere: they can be described, and making or attaching one raises."""

from __future__ import annotations

from typing import Any, NoReturn

from azureml._cloud_only import Row
from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.compute.remote import UnavailableConfiguration, unavailable


class _Described:
    """A way to describe a target, with v1's parameters."""

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
    """A target that cannot be used here."""

    row: Row
    _member = _Described

    @classmethod
    def provisioning_configuration(cls, *_: Any, **settings: Any) -> UnavailableConfiguration:
        """Describe a new one; creating it raises."""
        return UnavailableConfiguration(cls.__name__, cls.row.instead, settings)

    @classmethod
    def attach_configuration(cls, *_: Any, **settings: Any) -> UnavailableConfiguration:
        """Describe an existing one; attaching it raises."""
        return UnavailableConfiguration(cls.__name__, cls.row.instead, settings)

    def get_credentials(self) -> NoReturn:
        """Raise: there is nothing to sign in to.

        Raises:
            ComputeTargetException: always.
        """
        raise unavailable(type(self).__name__, self.row.instead)
