"""SDK v1's module ``azureml._restclient.snapshots_client``, in which users raise the snapshot size limit.

This name is an alias of :mod:`trainshed.client.source`, so that setting ``SNAPSHOT_MAX_SIZE_BYTES`` takes effect.
"""

import sys

from trainshed.client import source

source.SNAPSHOT_BATCH_SIZE = 500  # type: ignore[attr-defined]  # exists in SDK v1; not used
sys.modules[__name__] = source
