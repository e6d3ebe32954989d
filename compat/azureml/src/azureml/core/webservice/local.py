"""SDK v1's module ``azureml.core.webservice.local``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.webservice.local")


def __getattr__(name: str) -> Any:
    return _made.find("core.webservice.local", name)
