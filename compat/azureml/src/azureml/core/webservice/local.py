"""SDK v1's module ``azureml.core.webservice.local``."""

from azureml import _made

__all__ = _made.names("core.webservice.local")

__getattr__ = _made.lookup("core.webservice.local")
