"""What the kernel does when a machine runs out of memory."""

from __future__ import annotations


def kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since boot, including control groups.

    Returns:
        The number; 0 if the system does not report it (Linux 4.13 and newer do).
    """
    try:
        with open("/proc/vmstat", "rb") as file:
            _, _, after = file.read().partition(b"\noom_kill ")
    except OSError:
        return 0
    return int(after.split(b"\n", 1)[0] or b"0")
