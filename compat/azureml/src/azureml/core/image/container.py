"""SDK v1's module ``azureml.core.image.container``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.image.container")


def __getattr__(name: str) -> Any:
    return _made.find("core.image.container", name)
