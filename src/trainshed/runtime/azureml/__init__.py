"""The names of SDK v1 that a training script uses, as they are inside a run."""

from pkgutil import extend_path

# Other distributions (azureml-mlflow) put packages of their own below this name.
__path__ = extend_path(__path__, __name__)
