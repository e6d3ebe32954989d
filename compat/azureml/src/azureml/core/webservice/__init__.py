"""SDK v1's module ``azureml.core.webservice``."""

from azureml import _made

__all__ = _made.names("core.webservice")

__getattr__ = _made.lookup("core.webservice")
