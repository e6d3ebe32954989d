"""The names of Azure ML's Python SDK v1, met by Trainshed."""

import os
import sys


def _refuse_beside_the_original() -> None:
    """Two distributions with the same modules would give a mixture of both."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # A listing of each folder: asking importlib.metadata takes 30 times as long.
    for folder in {here, *filter(None, sys.path)}:
        try:
            beside = os.listdir(folder)
        except OSError:
            continue
        if any(name.startswith("azureml_core-") and name.endswith((".dist-info", ".egg-info")) for name in beside):
            raise ImportError(
                "azureml-core is installed in this environment, and trainshed-azureml provides the same modules. "
                "Keep one of them: pip uninstall azureml-core (and reinstall trainshed-azureml), or use another "
                "environment."
            )


_refuse_beside_the_original()

# Other distributions (azureml-mlflow) put packages of their own below this name. By hand: pkgutil, which has a
# function for it, takes 10 ms to import.
__path__ += [
    folder
    for folder in (os.path.join(entry, "azureml") for entry in sys.path)
    if folder not in __path__ and os.path.isdir(folder)
]
