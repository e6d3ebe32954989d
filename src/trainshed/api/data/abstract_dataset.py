"""Datasets: files and tables, by where they are; registered, with versions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from trainshed.api.data.consumption import DatasetConsumptionConfig
from trainshed.api.data.data_reference import DataPath, DataReference
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException

if TYPE_CHECKING:
    from trainshed.api.data.fetch import DataFile
    from trainshed.api.protocols import WorkspaceLike

Self = Any


class AbstractDataset:
    """What files and tables have in common; make them with ``Dataset.File`` and ``Dataset.Tabular``.

    Args:
        definition: what it has; see :mod:`trainshed.data.dataset`.
        workspace: where its datastores are; None where it is on none.
        entry: the version it is registered as.


    Example:
        >>> dataset.register(ws, "weather-files", tags={"year": 2026}).tags
        {'year': '2026'}
    """

    _kinds: ClassVar[dict[str, type[AbstractDataset]]] = {}
    """Type of a definition → the class of such datasets; each of them is entered when it is made."""

    def __init_subclass__(cls, kind: str | None = None) -> None:
        """Enter the class among the kinds of datasets."""
        if kind is not None:
            cls._kinds[kind] = cls

    def __init__(
        self, definition: dict[str, Any], workspace: WorkspaceLike | None, entry: Mapping[str, Any] | None = None
    ) -> None:
        self._definition = definition
        self._workspace = workspace
        self.name: str | None = entry["name"] if entry else None
        self.version: int | None = entry["version"] if entry else None
        self.tags: dict[str, str] = dict(entry["tags"]) if entry else {}
        self.description: str | None = entry["record"].get("description") if entry else None

    @property
    def id(self) -> str | None:
        """``"name:version"``, or None while it is not registered."""
        return f"{self.name}:{self.version}" if self.name else None

    @staticmethod
    def of_definition(workspace: WorkspaceLike | None, definition: dict[str, Any], name: str = "") -> Any:
        """Return the dataset of a definition, inside of a run for example (ours).

        Args:
            workspace: where its datastores are.
            definition: what it has.
            name: ``"name:version"`` where it is registered.
        """
        made = AbstractDataset._kinds[definition["type"]](definition, workspace)
        if name:
            made.name, _, version = name.rpartition(":")
            made.version = int(version)
        return made

    @staticmethod
    def _entry(workspace: WorkspaceLike, entry: Mapping[str, Any]) -> Any:
        definition = entry["record"]["definition"]
        return AbstractDataset._kinds[definition["type"]](definition, workspace, entry)

    @staticmethod
    def get_by_name(workspace: WorkspaceLike, name: str, version: int | str = "latest") -> Any:
        """Return a dataset that was registered.

        Raises:
            NotFoundException: no such dataset (a UserErrorException); the sentence names the nearest.

        Example:
            >>> registered = table.register(ws, "rainfall")
            >>> Dataset.get_by_name(ws, "rainfall").version
            1
        """
        query = {"version": None if version == "latest" else int(version)}
        return AbstractDataset._entry(
            workspace, workspace.connection.call("GET", quoted("catalog", "dataset", name), query=query)
        )

    @staticmethod
    def get_by_id(workspace: WorkspaceLike, id: str, **_: Any) -> Any:
        """Return a dataset by its id.

        Args:
            workspace: where it is.
            id: ``"name:version"``.

        Raises:
            NotFoundException: no such dataset.
        """
        name, colon, version = id.rpartition(":")
        if not colon or not version.isdigit():
            raise NotFoundException(f"There is no dataset with the id {id!r}. Ids have the form 'weather:1'.")
        return AbstractDataset.get_by_name(workspace, name, int(version))

    @staticmethod
    def get_all(workspace: WorkspaceLike) -> dict[str, Any]:
        """Return the newest version of each dataset: name → dataset."""
        entries = workspace.connection.call("GET", "/catalog/dataset", query={"latest": 1})["entries"]
        return {entry["name"]: AbstractDataset._entry(workspace, entry) for entry in entries}

    def register(
        self,
        workspace: WorkspaceLike,
        name: str,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Give it a name in a workspace.

        Args:
            workspace: where.
            name: its name.
            description: what it is.
            tags: its labels.
            create_new_version: there may be one of this name.

        Returns:
            The dataset, with its name and version; the one that is there, where it is the same.

        Raises:
            UserErrorException: another one has this name, without ``create_new_version``.
        """
        path = quoted("catalog", "dataset", name)
        try:
            newest = workspace.connection.call("GET", path)
        except NotFoundException:
            newest = None
        if newest is not None and not create_new_version:
            if newest["record"]["definition"] == self._definition:
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
        """Forget all versions of its name; the files stay."""
        if self._workspace is None or self.name is None:
            raise UserErrorException("The dataset is not registered.")
        connection = self._workspace.connection
        for entry in connection.call("GET", "/catalog/dataset", query={"name": self.name})["entries"]:
            connection.call("DELETE", quoted("catalog", "dataset", self.name, str(entry["version"])))

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Return it under the name by which a script knows it.

        Args:
            name: letters, digits and ``_``.
        """
        return DatasetConsumptionConfig(name, self)

    def _step(self, *step: Any) -> Self:
        return type(self)({**self._definition, "steps": [*self._definition["steps"], list(step)]}, self._workspace)

    def take(self, count: int) -> Self:
        """Return a dataset of the first of its files or rows."""
        return self._step("take", _count(count))

    def skip(self, count: int) -> Self:
        """Return a dataset without the first of its files or rows."""
        return self._step("skip", _count(count))

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[Self, Self]:
        """Return two datasets that share its files or rows among them at random.

        Args:
            percentage: about what share the first gets: 0 to 1.
            seed: the same one gives the same shares.

        Raises:
            UserErrorException: a share that cannot be.
        """
        if not 0 <= percentage <= 1:
            raise UserErrorException(f"percentage is {percentage!r}; it must be a number from 0 to 1.")
        chosen = int.from_bytes(os.urandom(4), "big") if seed is None else seed
        return self._step("sample", percentage, chosen, False), self._step("sample", percentage, chosen, True)

    def _found(self) -> list[DataFile]:
        """Return its files."""
        from trainshed.api.data.fetch import found

        return found(self._definition, self._workspace)

    def _local(self) -> list[tuple[str, str]]:
        """Return its files: (where this program can open it, its path in the dataset)."""
        from trainshed.api.data.fetch import local

        return local(self._found(), self._workspace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, paths={self._definition['paths']!r})"


def _count(count: int) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise UserErrorException(f"count is {count!r}; it must be a whole number.")
    return count


def places(path: Any) -> tuple[list[dict[str, str]], WorkspaceLike | None]:
    """Return the paths of a definition, and the workspace of their datastores.

    Args:
        path: ``(datastore, "path")``, a DataPath, a local path, or a list of them.

    Raises:
        UserErrorException: something else.
    """
    several = isinstance(path, list) or (isinstance(path, tuple) and path and not hasattr(path[0], "folder"))
    found, workspace = [], None
    for each in path if several else [path]:
        place, where = _place(each)
        workspace = where or workspace
        found.append(place)
    if not found:
        raise UserErrorException("A dataset needs at least one path.")
    return found, workspace


def _place(each: Any) -> tuple[dict[str, str], WorkspaceLike | None]:
    if isinstance(each, (DataPath, DataReference)) and each.datastore is not None:
        each = (each.datastore, each.path_on_datastore or "")
    if hasattr(each, "folder") and hasattr(each, "workspace"):
        each = (each, "")
    if isinstance(each, tuple) and len(each) == 2 and hasattr(each[0], "folder"):
        path = str(each[1]).strip("/")
        if ".." in path.split("/"):
            raise UserErrorException(f"The path {each[1]!r} leads outside its datastore.")
        return {"datastore": each[0].name, "path": path}, each[0].workspace
    if isinstance(each, (str, os.PathLike)):
        text = os.fspath(each)
        if "://" in text and not text.startswith("file://"):
            raise UserErrorException(f"'{text}' is a remote address. Download it to a datastore or a folder first.")
        return {"path": os.path.abspath(text.removeprefix("file://"))}, None
    raise UserErrorException(
        f"A dataset's path must be (datastore, 'path on it'), a local path or a list, not {type(each).__name__}."
    )


def validated(dataset: Any, validate: bool) -> Any:
    """Return the dataset, if there is something at its paths.

    Raises:
        NotFoundException: nothing is there.
    """
    if validate:
        dataset._found()
    return dataset
