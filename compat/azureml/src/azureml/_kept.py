"""Settings of SDK v1 that are stored and written to files, but have no effect."""

from __future__ import annotations

from typing import Any

from azureml._cloud_only import Row
from trainshed.api.section import Section


class Kept(Section):
    """Base class of such settings: the parameters of the constructor become attributes."""

    row: Row

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from azureml._made import signature

        bound = signature(self.row.signature or "(**more)").bind(*args, **kwargs)
        bound.apply_defaults()
        settings = dict(bound.arguments)
        self.__dict__.update(settings.pop("more", {}), **settings)
