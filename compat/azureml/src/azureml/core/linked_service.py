"""SDK v1's module ``azureml.core.linked_service``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.linked_service")


def __getattr__(name: str) -> Any:
    return _made.find("core.linked_service", name)
