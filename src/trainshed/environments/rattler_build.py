"""Program that solves and installs conda packages with py-rattler, as requested in the variable :data:`REQUEST`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, Dict

from trainshed.environments.conda import REQUEST, UNREACHABLE


async def build(request: Dict[str, Any]) -> int:
    """Solve and install conda packages.

    Args:
        request: ``{"specs", "channels", "prefix", "cache"}``.

    Returns:
        Exit code: 0 on success, :data:`UNREACHABLE` if a channel cannot be reached, otherwise 1.
    """
    import rattler
    from rattler.exceptions import (
        FetchRepoDataError,
        GatewayError,
        InstallerError,
        InvalidChannelError,
        InvalidMatchSpecError,
        LinkError,
        SolverError,
    )

    gateway = rattler.Gateway(cache_dir=request["cache"])
    try:
        records = await rattler.solve(
            request["channels"],
            request["specs"],
            gateway=gateway,
            platforms=[rattler.Platform.current(), rattler.Platform("noarch")],
            virtual_packages=rattler.VirtualPackage.detect(),
        )
        print(f"Solved: {len(records)} packages.", flush=True)
        for record in sorted(records, key=lambda one: one.name.normalized):
            print(f"  {record.name.normalized} {record.version}", flush=True)
        await rattler.install(
            records, target_prefix=request["prefix"], cache_dir=request["cache"] + "/pkgs", show_progress=False
        )
    except (GatewayError, FetchRepoDataError) as error:
        print(f"error: a channel cannot be reached: {error}")
        return UNREACHABLE
    except (SolverError, InstallerError, LinkError, InvalidChannelError, InvalidMatchSpecError) as error:
        print(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    code = asyncio.run(build(json.loads(os.environ.pop(REQUEST))))
    sys.stdout.flush()
    # The solver's threads may still be running, which makes Python's normal exit fail.
    os._exit(code)
