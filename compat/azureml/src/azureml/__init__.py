"""The names of Azure ML's Python SDK v1, met by Trainshed."""

import os
import sys
from pkgutil import extend_path

# Other distributions (azureml-mlflow) put packages of their own below this name.
__path__ = extend_path(__path__, __name__)


def _refuse_beside_the_original() -> None:
    """Two distributions with the same modules would give a mixture of both."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in {*__path__, here, *(os.path.join(entry, "azureml") for entry in sys.path if entry)}:
        try:
            beside = os.listdir(os.path.dirname(folder))
        except OSError:
            continue
        if any(name.startswith("azureml_core-") and name.endswith(".dist-info") for name in beside):
            raise ImportError(
                "azureml-core is installed in this environment, and trainshed-azureml provides the same modules. "
                "Keep one of them: pip uninstall azureml-core (and reinstall trainshed-azureml), or use another "
                "environment."
            )


_refuse_beside_the_original()
