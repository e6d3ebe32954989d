"""SDK v1's module ``azureml.core.compute.computeinstance``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.compute.computeinstance")


def __getattr__(name: str) -> Any:
    return _made.find("core.compute.computeinstance", name)
