"""SDK v1's module ``azureml.core.image.image``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.image.image")


def __getattr__(name: str) -> Any:
    return _made.find("core.image.image", name)
