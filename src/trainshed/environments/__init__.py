"""How a run gets its Python: an existing one, or one built for it by uv or conda and cached."""

from trainshed.environments.cache import downloads, listed, prune
from trainshed.environments.prepare import Inside, Prepared, prepare

__all__ = ["Inside", "Prepared", "downloads", "listed", "prepare", "prune"]
