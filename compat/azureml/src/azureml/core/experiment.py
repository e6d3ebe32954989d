"""SDK v1's module ``azureml.core.experiment``."""

from azureml import _made
from azureml.core import Experiment


class ViewType:
    """Which experiments ``Experiment.list`` returns."""

    ActiveOnly = "ActiveOnly"
    ArchivedOnly = "ArchivedOnly"
    All = "All"


__all__ = ["Experiment", "ViewType"]

__getattr__ = _made.lookup("core.experiment")
