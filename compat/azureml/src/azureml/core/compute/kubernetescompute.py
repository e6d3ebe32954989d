"""SDK v1's module ``azureml.core.compute.kubernetescompute``."""

from azureml import _made

__all__ = _made.names("core.compute.kubernetescompute")

__getattr__ = _made.lookup("core.compute.kubernetescompute")
