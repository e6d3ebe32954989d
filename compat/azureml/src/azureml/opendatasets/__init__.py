"""SDK v1's package ``azureml.opendatasets``: MNIST and Diabetes. Its other datasets are only on Azure."""

import sys

from azureml._modules import Module
from trainshed.api.data.open_datasets import MNIST, Diabetes

__all__ = ["MNIST", "Diabetes"]

sys.modules[__name__].__class__ = Module  # whose other names are created on demand, and say what to do when used
