"""SDK v1's module ``azureml.core.private_endpoint``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.private_endpoint")


def __getattr__(name: str) -> Any:
    return _made.find("core.private_endpoint", name)
