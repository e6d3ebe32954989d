"""Executed by Python before the script, in runs with TRAINSHED_LEGACY and in runs under Open MPI.

It is installed as ``hooks/sitecustomize.py``; the ``sitecustomize`` that it hides is executed after it.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

if os.environ.get("TRAINSHED_LEGACY", "") not in ("", "0"):
    from trainshed.runtime import legacy

    legacy.install()
if os.environ.get("TRAINSHED_LAUNCHER") == "openmpi":
    from trainshed.runtime import mpi_exit

    mpi_exit.install()
_here = os.path.dirname(os.path.abspath(__file__))
_spec = PathFinder.find_spec(
    "sitecustomize", [folder for folder in sys.path if os.path.abspath(folder or ".") != _here]
)
if _spec is not None and _spec.loader is not None:
    _module = sys.modules["sitecustomize"] = module_from_spec(_spec)
    _spec.loader.exec_module(_module)
