"""SDK v1's module ``azureml.core.run``."""

from trainshed import Run, get_run
from trainshed.runtime.offline import OfflineRun as _OfflineRun  # scripts check isinstance(run, _OfflineRun)

__all__ = ["Run", "_OfflineRun", "get_run"]
