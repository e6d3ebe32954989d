"""azureml._restclient.snapshots_client: limits of a snapshot, read at each submit."""

SNAPSHOT_MAX_SIZE_BYTES = 300 << 20
SNAPSHOT_MAX_FILES = 2000
SNAPSHOT_BATCH_SIZE = 500
