"""A data reference: a place on a datastore, and how a run gets to it."""

from __future__ import annotations

from trainshed.api.checks import known_keywords
from trainshed.api.section import Section, fill
from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec.checks import check_mode, check_reference
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import DatastoreLike


class DataReferenceConfiguration(Section):
    """A data reference in a run configuration.

    Args:
        datastore_name: the datastore.
        mode: ``"mount"``, ``"download"`` or ``"upload"``.
        path_on_datastore: file or folder on it.
        path_on_compute: where it lies on the node.
        overwrite: replace files that are there already.

    Raises:
        UserErrorException: another mode.

    Example:
        >>> ds.path("weather").as_download().to_config().mode
        'download'
    """

    @known_keywords
    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        check_mode(str(mode).lower())
        self.data_store_name = datastore_name
        self.mode = str(mode).lower()
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self._seal()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataReferenceConfiguration) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class DataReference:
    """A place on a datastore, to be used in ``script_params`` or ``arguments`` as if it were its path on the node.

    Args:
        datastore: where it is.
        data_reference_name: letters, digits and underscores; if None, the datastore's name, or a generated one when a
            path is given.
        path_on_datastore: file or folder; None: the whole datastore.
        mode: ``"mount"``, ``"download"`` (copied before the script starts) or ``"upload"`` (copied after it ended).
        path_on_compute: where it lies on the node; relative to the working folder.
        overwrite: replace files that are there already.

    Raises:
        UserErrorException: a mode or a name that cannot be used.

    Example:
        >>> str(ds.path("diabetes", "data").as_mount())
        '$AZUREML_DATAREFERENCE_data'
    """

    @known_keywords
    def __init__(
        self,
        datastore: DatastoreLike,
        data_reference_name: str | None = None,
        path_on_datastore: str | None = None,
        mode: str = "mount",
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.datastore = datastore
        self.data_reference_name = data_reference_name or (_generated() if path_on_datastore else datastore.name)
        check_reference(self.data_reference_name, mode)
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    @staticmethod
    def create(
        data_reference_name: str | None = None, datapath: DataPath | None = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        """Return a reference to a DataPath.

        Args:
            data_reference_name: name of the reference; the path's own, or a made-up one, if None.
            datapath: the path, on a datastore.
            datapath_compute_binding: anything with ``mode``, ``path_on_compute`` and ``overwrite``.

        Raises:
            ValueError: no DataPath on a datastore.
        """
        if not isinstance(datapath, DataPath) or datapath.datastore is None:
            raise ValueError("DataReference.create needs a DataPath on a datastore.")
        how = datapath_compute_binding
        return DataReference(
            datapath.datastore,
            data_reference_name or datapath.name,
            datapath.path_on_datastore,
            getattr(how, "mode", None) or "mount",
            getattr(how, "path_on_compute", None),
            bool(getattr(how, "overwrite", False)),
        )

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """Return a reference to a place below this one.

        Args:
            path: relative to this one.
            data_reference_name: name of the new reference; generated if None.
        """
        joined = "/".join(part.strip("/") for part in (self.path_on_datastore, path) if part and part.strip("/"))
        return self._with(data_reference_name=data_reference_name or _generated(), path_on_datastore=joined or None)

    def as_mount(self) -> DataReference:
        """Return a reference that shows the place itself to the script."""
        return self._with(mode="mount")

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return a reference whose files are copied to the node before the script starts.

        Args:
            path_on_compute: folder to copy to.
            overwrite: replace files that are there already.
        """
        return self._with(mode="download", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return a reference whose files are copied to the datastore after the script ended.

        Args:
            path_on_compute: folder in which the script leaves them.
            overwrite: replace files that are on the datastore already.
        """
        return self._with(mode="upload", path_on_compute=path_on_compute, overwrite=overwrite)

    def _with(self, **changes: Any) -> DataReference:
        same = {name: value for name, value in vars(self).items() if name != "datastore"}
        return DataReference(self.datastore, **{**same, **changes})

    def to_config(self) -> DataReferenceConfiguration:
        """Return it in the form of a run configuration."""
        return DataReferenceConfiguration(
            self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    __repr__ = __str__


class DataPath:
    """A place on a datastore, without saying how to get to it.

    Args:
        datastore: where it is.
        path_on_datastore: file or folder.
        name: name for a reference to it.

    Example:
        >>> DataPath(ds, "weather/2026.csv").path_on_datastore
        'weather/2026.csv'
    """

    @known_keywords
    def __init__(
        self, datastore: DatastoreLike | None = None, path_on_datastore: str | None = None, name: str | None = None
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore
        self.name = name


class References(Record):
    """The data of a run, by name, under the names that a run configuration has for it.

    Attributes:
        data_references: data references.
        data: datasets that it reads.
        output_data: folders that it fills.
    """

    data_references: dict[str, DataReferenceConfiguration]
    data: dict[str, Any]
    output_data: dict[str, Any]


def add_reference(references: dict[str, DataReferenceConfiguration], reference: DataReference) -> None:
    """Add a data reference to those of a run.

    Args:
        references: name → configuration; changed in place.
        reference: the new one.

    Raises:
        UserErrorException: another one has this name.

    Example:
        >>> references = {}
        >>> add_reference(references, DataReference(ds, "weather"))
        >>> list(references)
        ['weather']
    """
    config = reference.to_config()
    name = reference.data_reference_name
    if references.setdefault(name, config) != config:
        raise UserErrorException(
            f"Two different data references are named '{name}'. Rename one: "
            f"datastore.path('{reference.path_on_datastore or ''}', data_reference_name='…')."
        )


def read_references(said: dict[str, Any], where: str) -> dict[str, DataReferenceConfiguration]:
    """Return the data references of a run configuration's file.

    Args:
        said: name → mapping of settings.
        where: how an error calls it.

    Raises:
        UserErrorException: what is there is no data reference.
    """
    return {str(name): _read_reference(item, f"{where}.{name}") for name, item in said.items()}


def _read_reference(said: Any, where: str) -> DataReferenceConfiguration:
    if not isinstance(said, dict):
        raise UserErrorException(f"{where} must be a mapping with 'dataStoreName', not {said!r}.")
    made = DataReferenceConfiguration()
    fill(made, {**said, "mode": str(said.get("mode", made.mode)).lower()}, where)
    try:
        return DataReferenceConfiguration(
            made.data_store_name, made.mode, made.path_on_data_store, made.path_on_compute, made.overwrite
        )
    except TrainshedError as error:
        raise UserErrorException(f"{where}: {error}") from error


def _generated() -> str:
    import os

    return os.urandom(16).hex()
