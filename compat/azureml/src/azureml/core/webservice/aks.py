"""SDK v1's module ``azureml.core.webservice.aks``."""

from azureml import _made

__all__ = _made.names("core.webservice.aks")

__getattr__ = _made.lookup("core.webservice.aks")
