"""Base class of file and tabular datasets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.data.consumption import DatasetConsumptionConfig
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException

if TYPE_CHECKING:
    from trainshed.api.data.fetch import DataFile
    from trainshed.api.protocols import WorkspaceLike

Self = Any


class AbstractDataset:
    """Base class of datasets. Create datasets with ``Dataset.File`` and ``Dataset.Tabular``.

    Args:
        definition: paths and operations of the dataset; see :mod:`trainshed.data.dataset`.
        workspace: workspace of the datastores in the definition, or None if it contains only local paths.
        entry: catalog entry of the registered version, if any.

    Example:
        >>> dataset.register(ws, "weather-files", tags={"year": 2026}).tags
        {'year': '2026'}
    """

    _kinds: ClassVar[dict[str, type[AbstractDataset]]] = {}
    """Dataset type in a definition → class. Subclasses register themselves."""

    def __init_subclass__(cls, kind: str | None = None) -> None:
        """Register a subclass.

        Args:
            kind: dataset type that the class represents.
        """
        if kind is not None:
            cls._kinds[kind] = cls

    def __init__(
        self, definition: dict[str, Any], workspace: WorkspaceLike | None, entry: Mapping[str, Any] | None = None
    ) -> None:
        self._definition = definition
        self._workspace = workspace
        self._name: str | None = entry["name"] if entry else None
        self._version: int | None = entry["version"] if entry else None
        self._tags: dict[str, str] = dict(entry["tags"]) if entry else {}
        self._description: str | None = entry["record"].get("description") if entry else None

    @property
    def name(self) -> str | None:
        """Name of the registered dataset, or None."""
        return self._name

    @property
    def version(self) -> int | None:
        """Version of the registered dataset, or None."""
        return self._version

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the registered dataset; see :meth:`add_tags`."""
        return dict(self._tags)

    @property
    def description(self) -> str | None:
        """Description of the registered dataset, or None."""
        return self._description

    @property
    def workspace(self) -> WorkspaceLike | None:
        """Workspace of the dataset, or None if it contains only local and web files and is not registered."""
        return self._workspace

    @property
    def id(self) -> str | None:
        """``"name:version"``, or None if the dataset is not registered."""
        return f"{self.name}:{self.version}" if self.name else None

    @staticmethod
    def of_definition(workspace: WorkspaceLike | None, definition: dict[str, Any], name: str = "") -> Any:
        """Create a dataset from its definition (Trainshed extension).

        Args:
            workspace: workspace of the datastores in the definition.
            definition: paths and operations of the dataset.
            name: ``"name:version"`` of a registered dataset.
        """
        dataset = AbstractDataset._kinds[definition["type"]](definition, workspace)
        if name:
            dataset._name, _, version = name.rpartition(":")
            dataset._version = int(version)
        return dataset

    @staticmethod
    def _entry(workspace: WorkspaceLike, entry: Mapping[str, Any]) -> Any:
        definition = entry["record"]["definition"]
        return AbstractDataset._kinds[definition["type"]](definition, workspace, entry)

    @staticmethod
    def get_by_name(workspace: WorkspaceLike, name: str, version: int | str = "latest") -> Any:
        """Return a registered dataset.

        Args:
            workspace: workspace in which the dataset is registered.
            name: name of the dataset.
            version: version number, or ``"latest"``.

        Raises:
            NotFoundException: the dataset does not exist. A subclass of UserErrorException; the message suggests the
                closest match.

        Example:
            >>> registered = table.register(ws, "rainfall")
            >>> Dataset.get_by_name(ws, "rainfall").version
            1
        """
        try:
            query = {"version": None if version == "latest" else int(version)}
        except (TypeError, ValueError):
            raise UserErrorException(f"The version of a dataset is a number or 'latest', not {version!r}.") from None
        return AbstractDataset._entry(
            workspace, workspace.connection.call("GET", quoted("catalog", "dataset", name), query=query)
        )

    @staticmethod
    def get_by_id(workspace: WorkspaceLike, id: str, **_: Any) -> Any:
        """Return a registered dataset by its id, or in a script the input that was passed to it.

        Args:
            workspace: workspace in which the dataset is registered.
            id: ``"name:version"``, or the argument that a script got for a dataset.

        Raises:
            NotFoundException: the dataset does not exist.
        """
        for name, facts in json.loads(os.environ.get("TRAINSHED_INPUTS", "{}")).items():
            if id in (name, facts["dataset"]) and facts["mode"] == "direct":
                return AbstractDataset.of_definition(workspace, facts["definition"], facts["dataset"])
        name, colon, version = id.rpartition(":")
        if not colon or not version.isdigit():
            raise NotFoundException(f"There is no dataset with the id {id!r}. Ids have the form 'weather:1'.")
        return AbstractDataset.get_by_name(workspace, name, int(version))

    @staticmethod
    def get_all(workspace: WorkspaceLike) -> dict[str, Any]:
        """Return the latest version of each dataset, as a dict of name → dataset."""
        entries = workspace.connection.call("GET", "/catalog/dataset", query={"latest": 1})["entries"]
        return {entry["name"]: AbstractDataset._entry(workspace, entry) for entry in entries}

    def register(
        self,
        workspace: WorkspaceLike,
        name: str,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        create_new_version: bool = False,
        visible: bool = True,
        exist_ok: bool = False,
        update_if_exist: bool = False,
    ) -> Self:
        """Register the dataset in a workspace.

        Args:
            workspace: workspace in which to register the dataset.
            name: name of the dataset.
            description: description of the dataset.
            tags: tags of the dataset.
            create_new_version: create a new version if a dataset with this name exists.
            visible: ignored.
            exist_ok: return the latest version if a dataset with this name exists.
            update_if_exist: former name of ``create_new_version``.

        Returns:
            The registered dataset. If an identical dataset is already registered under this name, that one.

        Raises:
            UserErrorException: a different dataset has this name, and nothing says what to do then.
        """
        path = quoted("catalog", "dataset", name)
        try:
            newest = workspace.connection.call("GET", path)
        except NotFoundException:
            newest = None
        if newest is not None and not (create_new_version or update_if_exist):
            if exist_ok or newest["record"]["definition"] == self._definition:
                return AbstractDataset._entry(workspace, newest)
            raise UserErrorException(
                f"There is already another dataset '{name}'. Choose another name, or pass create_new_version=True."
            )
        record = {"definition": self._definition, **({"description": description} if description else {})}
        labels = {str(key): str(value) for key, value in (tags or {}).items()}
        return AbstractDataset._entry(
            workspace, workspace.connection.call("POST", path, {"record": record, "tags": labels})
        )

    def unregister_all_versions(self) -> None:
        """Unregister all versions of the dataset. Its files are kept."""
        workspace, name, _ = self._registered()
        for entry in workspace.connection.call("GET", "/catalog/dataset", query={"name": name})["entries"]:
            workspace.connection.call("DELETE", quoted("catalog", "dataset", name, str(entry["version"])))

    def add_tags(self, tags: Mapping[str, Any] | None = None) -> None:
        """Add tags to the registered dataset, or change their values."""
        self.update(tags={**self._tags, **(tags or {})})

    def remove_tags(self, tags: Iterable[str] | None = None) -> None:
        """Remove tags from the registered dataset."""
        removed = set(tags or ())
        self.update(tags={key: value for key, value in self._tags.items() if key not in removed})

    def update(
        self,
        name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        visible: bool | None = None,
    ) -> None:
        """Replace the description or tags of the registered dataset.

        Args:
            name: must be None: a registered dataset keeps its name.
            description: new description; None keeps the current one.
            tags: new tags; None keeps the current ones.
            visible: ignored.

        Raises:
            UserErrorException: the dataset is not registered, or a name was passed.
        """
        if name not in (None, self._name):
            raise UserErrorException("A registered dataset keeps its name. Register it again under the new one.")
        workspace, known, version = self._registered()
        labels = None if tags is None else {str(key): str(value) for key, value in tags.items()}
        record = None if description is None else {"definition": self._definition, "description": description}
        path = quoted("catalog", "dataset", known, str(version))
        entry = workspace.connection.call("PUT", path, {"tags": labels, "record": record})
        self._tags, self._description = dict(entry["tags"]), entry["record"].get("description")

    def _registered(self) -> tuple[WorkspaceLike, str, int]:
        if self._workspace is None or self._name is None or self._version is None:
            raise UserErrorException("The dataset is not registered: dataset = dataset.register(ws, 'a_name').")
        return self._workspace, self._name, self._version

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Raise an error, unless the dataset is a table."""
        raise UserErrorException(
            f"A {type(self).__name__} is not a table. Create one with Dataset.Tabular, or read the files: "
            "dataset.download(…)."
        )

    def head(self, count: int = 5) -> Any:
        """Return the first rows of a table as a pandas DataFrame.

        Args:
            count: number of rows.

        Raises:
            UserErrorException: the dataset is not a table.
        """
        return self.take(count).to_pandas_dataframe()

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Return the dataset as an input of a run.

        Args:
            name: name of the input in the script: letters, digits and ``_``.
        """
        return DatasetConsumptionConfig(name, self)

    def _step(self, *step: Any) -> Self:
        return type(self)({**self._definition, "steps": [*self._definition["steps"], list(step)]}, self._workspace)

    def take(self, count: int) -> Self:
        """Return a dataset of the first ``count`` files or rows."""
        return self._step("take", _count(count))

    def skip(self, count: int) -> Self:
        """Return a dataset without the first ``count`` files or rows."""
        return self._step("skip", _count(count))

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[Self, Self]:
        """Split the dataset at random into two datasets.

        Args:
            percentage: approximate fraction of the files or rows in the first dataset, from 0 to 1.
            seed: random seed. The same seed gives the same split.

        Raises:
            UserErrorException: ``percentage`` is not between 0 and 1.
        """
        if not 0 <= percentage <= 1:
            raise UserErrorException(f"percentage is {percentage!r}; it must be a number from 0 to 1.")
        if seed is None:
            seed = new_seed()
        return self._step("sample", percentage, seed, False), self._step("sample", percentage, seed, True)

    @property
    def _partition(self) -> str | None:
        """Format of the values in the files' paths, if any."""
        format_of_paths: str | None = {**self._definition.get("format", {}), **self._definition}.get("partition")
        return format_of_paths

    @property
    def partition_keys(self) -> list[str]:
        """Names of the values in the files' paths (``partition_format``)."""
        from trainshed.api.data.partitions import PartitionFormat

        return PartitionFormat(self._partition).keys if self._partition else []

    def get_partition_key_values(self, partition_keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the values in the files' paths (``partition_format``), each combination once.

        Args:
            partition_keys: names of the values. Default: all.

        Raises:
            UserErrorException: the paths have no value of this name.
        """
        from trainshed.api.data.partitions import PartitionFormat

        keys = self.partition_keys if partition_keys is None else list(partition_keys)
        unknown = [key for key in keys if key not in self.partition_keys]
        if unknown:
            raise UserErrorException(
                f"The dataset has no partition key {unknown[0]!r}. Available: {self.partition_keys}."
            )
        known = PartitionFormat(self._partition) if self._partition else None
        rows = [known.values(file.original) for file in self._found()] if known else []
        found = {tuple(row[key] for key in keys) for row in rows}
        return [dict(zip(keys, values, strict=True)) for values in sorted(found)]

    def _found(self) -> list[DataFile]:
        """Return the files of the dataset."""
        from trainshed.api.data.fetch import found

        return found(self._definition, self._workspace)

    def _local(self) -> list[tuple[str, str]]:
        """Return the files of the dataset as (local path, path in the dataset), downloading them if necessary."""
        from trainshed.api.data.fetch import local

        return local(self._found(), self._workspace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, paths={self._definition['paths']!r})"


def new_seed() -> int:
    """Return a random seed, for a selection that is made anew each time but is the same whenever it is read."""
    return int.from_bytes(os.urandom(4), "big")


def _count(count: int) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise UserErrorException(f"count is {count!r}; it must be a whole number of at least 0.")
    return count
