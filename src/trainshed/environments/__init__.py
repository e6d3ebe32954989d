"""Python environments of runs: existing interpreters, or environments built with uv or conda and cached."""

from trainshed.environments.prepare import prepare
from trainshed.environments.prepared import Inside, Prepared

__all__ = ["Inside", "Prepared", "prepare"]
