"""The Pythons on this machine, for tests under the old ones."""

from __future__ import annotations

import pytest

from trainshed.environments.interpreters import everything


def interpreter(version: str) -> str:
    """Return a Python of this version, or skip the test."""
    found = [one for one in everything() if one.text.startswith(f"{version}.")]
    if not found:
        pytest.skip(f"there is no Python {version} on this machine: nothing was tested with it")
    return max(found, key=lambda one: one.version).path
