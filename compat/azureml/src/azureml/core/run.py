"""SDK v1's module ``azureml.core.run``."""

from azureml import _made
from trainshed import Run, get_run
from trainshed.runtime.offline import OfflineRun as _OfflineRun  # scripts check isinstance(run, _OfflineRun)
from trainshed.runtime.run import Run as _SubmittedRun

__all__ = ["Run", "_OfflineRun", "_SubmittedRun", "get_run", *_made.names("core.run")]

__getattr__ = _made.lookup("core.run")
