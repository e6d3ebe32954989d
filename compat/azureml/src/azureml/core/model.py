"""SDK v1's module ``azureml.core.model``."""

from typing import Any

from azureml import _made
from azureml.core import Model

__all__ = ["Model", *_made.names("core.model")]


def __getattr__(name: str) -> Any:
    return _made.find("core.model", name)
