"""SDK v1's module ``azureml.core.linked_service``."""

from azureml import _made

__all__ = _made.names("core.linked_service")

__getattr__ = _made.lookup("core.linked_service")
