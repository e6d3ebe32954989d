"""What the kernel does when a machine's memory is used up."""

from __future__ import annotations


def kills() -> int:
    """Return how many processes the kernel has killed for their memory since it booted, those in control groups too.

    Returns:
        The number; 0 where the system does not say (Linux 4.13 and newer do).
    """
    try:
        with open("/proc/vmstat", "rb") as file:
            _, _, after = file.read().partition(b"\noom_kill ")
    except OSError:
        return 0
    return int(after.split(b"\n", 1)[0] or b"0")
