"""Stop the embedded service of a workspace and wait until it has ended."""

from __future__ import annotations

from trainshed.client.embedded import running


def stop(root: str) -> bool:
    """Stop the service of a workspace and wait until its process has released it; runs continue.

    Args:
        root: the workspace folder.

    Returns:
        Whether it was running.
    """
    connection = running(root)
    if connection is None:
        return False
    from trainshed.client.starting import until_stopped  # absent on Windows, where there is no embedded service

    connection.call("POST", "/service/stop")
    connection.close()
    until_stopped(root)
    return True
