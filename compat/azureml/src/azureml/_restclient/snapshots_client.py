"""azureml._restclient.snapshots_client: the module in which SDK v1's documentation had people raise a limit.

It is the very module that reads the limit here, so that setting ``SNAPSHOT_MAX_SIZE_BYTES`` has its effect.
"""

import sys

from trainshed.client import source

source.SNAPSHOT_BATCH_SIZE = 500  # type: ignore[attr-defined]  # v1 had it; nothing here goes by it
sys.modules[__name__] = source
