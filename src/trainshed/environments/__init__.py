"""Python environments of runs: existing interpreters, or environments built with uv or conda and cached."""

from trainshed.environments.cache import downloads, listed, prune
from trainshed.environments.prepare import Inside, Prepared, prepare

__all__ = ["Inside", "Prepared", "downloads", "listed", "prepare", "prune"]
