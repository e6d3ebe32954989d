"""SDK v1's module ``azureml.core.compute.hdinsight``."""

from typing import Any

from azureml import _made

__all__ = _made.names("core.compute.hdinsight")


def __getattr__(name: str) -> Any:
    return _made.find("core.compute.hdinsight", name)
