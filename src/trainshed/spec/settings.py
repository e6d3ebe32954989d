"""Environment variables that the service reads only when it starts."""

from __future__ import annotations

import zlib

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Dict, List, Mapping

AT_START = (
    "TRAINSHED_ALLOW_NETWORK_FS", "TRAINSHED_CONDA_CHANNELS", "TRAINSHED_CONTAINER_ENGINE", "TRAINSHED_GRACE_SECONDS",
    "TRAINSHED_IDLE_SECONDS", "TRAINSHED_PORT", "TRAINSHED_PYTHON_DOWNLOADS", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_TRUSTED_HOST", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL", "UV_INSECURE_HOST", "HTTPS_PROXY", "https_proxy",
)  # fmt: skip


def marks(environ: Mapping[str, str]) -> Dict[str, int]:
    """Return a checksum of each setting in an environment. The values themselves may contain passwords."""
    return {name: zlib.crc32(environ[name].encode("utf-8", "surrogateescape")) for name in AT_START if name in environ}


def ignored(environ: Mapping[str, str], at_start: Mapping[str, int]) -> List[str]:
    """Return the settings that a running service ignores, because it was started with different values.

    Args:
        environ: environment variables of the client.
        at_start: :func:`marks` of the environment in which the service was started.

    Example:
        >>> ignored({"UV_INDEX": "a", "PIP_INDEX_URL": "b"}, marks({"UV_INDEX": "a"}))
        ['PIP_INDEX_URL']
    """
    return [name for name, mark in marks(environ).items() if at_start.get(name) != mark]
