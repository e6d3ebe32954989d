"""SDK v1's module ``azureml._restclient.constants``."""

from trainshed.spec import states


class RunStatus:
    """Run statuses."""

    NOT_STARTED = states.NOT_STARTED
    QUEUED = states.QUEUED
    PROVISIONING = states.PROVISIONING
    PREPARING = states.PREPARING
    STARTING = states.STARTING
    RUNNING = states.RUNNING
    FINALIZING = states.FINALIZING
    CANCEL_REQUESTED = states.CANCEL_REQUESTED
    COMPLETED = states.COMPLETED
    FAILED = states.FAILED
    CANCELED = states.CANCELED
    NOT_RESPONDING = states.NOT_RESPONDING


SNAPSHOT_MAX_FILES = 2000
SNAPSHOT_BATCH_SIZE = 500
SNAPSHOT_MAX_SIZE_BYTES = 300 << 20
