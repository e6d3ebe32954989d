"""What the nested objects of a run configuration have in common."""

from __future__ import annotations

from typing import Any

from trainshed.api.notice import warn
from trainshed.errors import did_you_mean


class Section:
    """A bag of settings that tells of a setting it does not know, and keeps it all the same.

    Scripts of 2018 set names that never were (``run_config.prepare_environment = True``) and must go on working.
    """

    _complete = False

    def _seal(self) -> None:
        """Call at the end of ``__init__``: from now on a new name is a mistake."""
        object.__setattr__(self, "_complete", True)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a setting."""
        if self._complete and not name.startswith("_") and not hasattr(self, name):
            known = [each for each in dir(self) if not each.startswith("_")]
            warn(
                f"{type(self).__name__} has no setting '{name}'; it is kept, without effect.{did_you_mean(name, known)}"
            )
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({settings})"
