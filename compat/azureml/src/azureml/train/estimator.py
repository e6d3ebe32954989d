"""azureml.train.estimator."""

from trainshed import Estimator, MpiConfiguration, TensorflowConfiguration

__all__ = ["Estimator", "MpiConfiguration", "TensorflowConfiguration"]
