"""Stop the embedded service of a workspace and wait until it has ended."""

from __future__ import annotations

import os

from trainshed.client.embedded import running


def stop(root: str) -> bool:
    """Stop the service of a workspace and wait until its process has released it; runs continue.

    Args:
        root: the workspace folder.

    Returns:
        Whether it was running.
    """
    import fcntl  # absent on Windows, where there is no embedded service

    connection = running(root)
    if connection is not None:
        connection.call("POST", "/service/stop")
        connection.close()
    fd = os.open(os.path.join(root, "service.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)
    return connection is not None
