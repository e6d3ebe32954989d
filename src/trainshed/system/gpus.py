"""Detects the GPUs of a machine."""

from __future__ import annotations

import os
import re
from typing import Mapping, Tuple

FAKE = "TRAINSHED_FAKE_GPUS"
"""Names of GPUs that tests simulate, such as ``"0,1,2"``; no run can compute on them."""
_DEVICES = "/dev"
_ON_WINDOWS = "dxg"
"""The device under WSL, where Linux uses the driver of Windows."""
_SECONDS = 20


def inventory(environ: Mapping[str, str]) -> Tuple[str, ...]:
    """Return the available GPUs, as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        environ: the environment of the process that allocates them; its own ``CUDA_VISIBLE_DEVICES``, if set, limits
            them.

    Returns:
        Their names: numbers, or the names in the variable; empty if there is no NVIDIA GPU.

    Example:
        >>> inventory({"CUDA_VISIBLE_DEVICES": "2,3"})
        ('2', '3')
    """
    for name in (FAKE, "CUDA_VISIBLE_DEVICES"):
        if name in environ:
            return _valid([part.strip() for part in environ[name].split(",")])
    there = os.listdir(_DEVICES)
    count = sum(1 for name in there if re.match(r"nvidia\d+\Z", name))
    if count == 0 and _ON_WINDOWS in there:
        return _asked()
    # CUDA counts from 0, whatever the device numbers that this process can open.
    return tuple(str(number) for number in range(count))


def _valid(parts: list[str]) -> Tuple[str, ...]:
    """CUDA itself stops at the first invalid name, such as -1."""
    found = []
    for part in parts:
        if not part or part.startswith("-"):
            break
        found.append(part)
    return tuple(found)


def _asked() -> Tuple[str, ...]:
    """List the GPUs with nvidia-smi, which may take a second."""
    import subprocess  # rarely needed

    argv = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip().isdigit())
