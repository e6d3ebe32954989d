"""Tags and properties of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainshed.api.runs.run_base import RunBase


class RunLabels(RunBase):
    """A run's tags, which can be changed, and its properties, which cannot."""

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag.

        Args:
            key: its name.
            value: made a string.
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; others stay.

        Args:
            tags: name → value, made a string; None stays None.
        """
        self._call("POST", "tags", json={"set": {str(k): None if v is None else str(v) for k, v in tags.items()}})
        self._record = {}

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags.

        Args:
            tags: their names.
        """
        self._call("POST", "tags", json={"remove": [tags] if isinstance(tags, str) else [str(tag) for tag in tags]})
        self._record = {}

    def get_tags(self) -> dict[str, str]:
        """Return the tags as of now."""
        return dict(self._call("GET")["tags"])

    @property
    def tags(self) -> dict[str, str]:
        """The tags as of now."""
        return self.get_tags()

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties: labels that cannot be changed.

        Args:
            properties: name → value, made a string.

        Raises:
            UserErrorException: one of them has another value already.
        """
        self._call("POST", "properties", json={"set": {str(key): str(value) for key, value in properties.items()}})
        self._record = {}

    def get_properties(self) -> dict[str, str]:
        """Return the properties as of now."""
        return dict(self._call("GET")["properties"])

    @property
    def properties(self) -> dict[str, str]:
        """The properties as of now."""
        return self.get_properties()
