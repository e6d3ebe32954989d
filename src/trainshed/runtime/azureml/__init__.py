"""The names of SDK v1 that a training script uses, as they are inside a run."""

import os
import sys

from trainshed.runtime import unavailable  # noqa: F401 - with it comes what explains the names that are not here

# Other distributions (azureml-mlflow) put packages of their own below this name. By hand: pkgutil, which has a
# function for it, takes 10 ms to import.
__path__ += [
    folder
    for folder in (os.path.join(entry, "azureml") for entry in sys.path)
    if folder not in __path__ and os.path.isdir(folder)
]
_rest = os.path.join(os.path.dirname(os.path.dirname(__file__)), "client", "azureml")
if os.path.isdir(_rest):
    __path__.insert(1, _rest)
