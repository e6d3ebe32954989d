"""azureml.core.run inside a run."""

from trainshed.runtime.offline import OfflineRun as _OfflineRun
from trainshed.runtime.run import Run
from trainshed.runtime.run import Run as _SubmittedRun

__all__ = ["Run", "_OfflineRun", "_SubmittedRun"]
