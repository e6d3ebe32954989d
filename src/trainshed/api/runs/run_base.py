"""Base class of runs: id, record, tags and properties."""

from __future__ import annotations

from trainshed.client.http import quoted
from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from trainshed.api.protocols import ExperimentLike


class RunBase:
    """A run with its tags, which can be changed, and its properties, which cannot.

    Args:
        experiment: experiment of the run.
        run_id: id of the run.
        record: the service's record of the run. Default: requested when needed.

    Example:
        >>> run.tag("stage", "trial")
        >>> run.get_tags()["stage"]
        'trial'
    """

    def __init__(self, experiment: ExperimentLike, run_id: str, record: dict[str, Any] | None = None) -> None:
        self._experiment = experiment
        self._id = run_id
        self._record: dict[str, Any] = record or {}

    @staticmethod
    def _path(run_id: str, *parts: str) -> str:
        return quoted("runs", run_id, *parts)

    def _settle(self) -> None:
        """Send everything that this process has logged to the service."""

    def _call(self, method: str, *parts: str, **kwargs: Any) -> Any:
        self._settle()
        return self._experiment.workspace.connection.call(method, self._path(self._id, *parts), **kwargs)

    def _is_submitted(self) -> bool:
        """Return whether a compute target runs the run, rather than a program that logs to it."""
        if "target" not in self._record:
            self._record = self._call("GET")
        return bool(self._record["target"])

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag.

        Example:
            >>> run.tag("stage", "trial")
            >>> run.tags["stage"]
            'trial'
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags. Other tags are kept.

        Args:
            tags: name → value. Values are converted to strings, except for None.
        """
        self._call("POST", "tags", json={"set": {str(k): None if v is None else str(v) for k, v in tags.items()}})
        self._record = {}

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags."""
        self._call("POST", "tags", json={"remove": [tags] if isinstance(tags, str) else [str(tag) for tag in tags]})
        self._record = {}

    def get_tags(self) -> dict[str, str]:
        """Return the current tags."""
        return dict(self._call("GET")["tags"])

    @property
    def tags(self) -> dict[str, str]:
        """Current tags."""
        return self.get_tags()

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which cannot be changed later.

        Args:
            properties: name → value. Values are converted to strings.

        Raises:
            UserErrorException: a property is already set to another value.
        """
        self._call("POST", "properties", json={"set": {str(key): str(value) for key, value in properties.items()}})
        self._record = {}

    def get_properties(self) -> dict[str, str]:
        """Return the current properties."""
        return dict(self._call("GET")["properties"])

    @property
    def properties(self) -> dict[str, str]:
        """Current properties."""
        return self.get_properties()
