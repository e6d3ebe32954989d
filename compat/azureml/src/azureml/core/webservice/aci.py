"""SDK v1's module ``azureml.core.webservice.aci``."""

from azureml import _made

__all__ = _made.names("core.webservice.aci")

__getattr__ = _made.lookup("core.webservice.aci")
