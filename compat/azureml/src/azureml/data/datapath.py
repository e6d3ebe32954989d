"""SDK v1's module ``azureml.data.datapath``."""

from trainshed.api.data.data_reference import DataPath, DataPathComputeBinding

__all__ = ["DataPath", "DataPathComputeBinding"]
