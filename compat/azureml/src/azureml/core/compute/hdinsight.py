"""SDK v1's module ``azureml.core.compute.hdinsight``."""

from azureml import _made

__all__ = _made.names("core.compute.hdinsight")

__getattr__ = _made.lookup("core.compute.hdinsight")
