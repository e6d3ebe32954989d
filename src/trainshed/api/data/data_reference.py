"""Data references: paths on datastores, with the mode in which a run accesses them."""

from __future__ import annotations

from trainshed.api.checks import known_keywords
from trainshed.api.section import Section, fill
from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec.checks import check_mode, check_reference
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import DatastoreLike


AS_INPUT = "pass dataset.as_named_input('a_name'), or .as_mount() or .as_download() of that, to give it to the script."
"""What to do with a dataset among the arguments or inputs of a run."""


class DataReferenceConfiguration(Section):
    """A data reference in a run configuration.

    Args:
        datastore_name: name of the datastore.
        mode: ``"mount"``, ``"download"`` or ``"upload"``.
        path_on_datastore: path of a file or folder on the datastore.
        path_on_compute: path on the node.
        overwrite: replace existing files.

    Raises:
        UserErrorException: the mode is unknown.

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
    """A path on a datastore for a run. In ``script_params`` and ``arguments`` it is replaced by the path on the node.

    Args:
        datastore: the datastore.
        data_reference_name: letters, digits and underscores. Default: the datastore's name, or a generated name if
            ``path_on_datastore`` is given.
        path_on_datastore: path of a file or folder. Default: the whole datastore.
        mode: ``"mount"``, ``"download"`` (copy before the script starts) or ``"upload"`` (copy after it exits).
        path_on_compute: path on the node, relative to the working folder.
        overwrite: replace existing files.

    Raises:
        UserErrorException: the mode or name is invalid.

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
        """Create a reference to a DataPath.

        Args:
            data_reference_name: name of the reference. Default: the name of the DataPath, or a generated name.
            datapath: a DataPath with a datastore.
            datapath_compute_binding: object with ``mode``, ``path_on_compute`` and ``overwrite``.

        Raises:
            ValueError: ``datapath`` is not a DataPath, or has no datastore.
        """
        if not isinstance(datapath, DataPath) or datapath.datastore is None:
            raise ValueError("DataReference.create needs a DataPath on a datastore.")
        binding = datapath_compute_binding
        return DataReference(
            datapath.datastore,
            data_reference_name or datapath.name,
            datapath.path_on_datastore,
            getattr(binding, "mode", None) or "mount",
            getattr(binding, "path_on_compute", None),
            bool(getattr(binding, "overwrite", False)),
        )

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """Return a reference to a path inside this one.

        Args:
            path: path relative to this reference.
            data_reference_name: name of the new reference. Default: a generated name.
        """
        joined = "/".join(part.strip("/") for part in (self.path_on_datastore, path) if part and part.strip("/"))
        return self._with(data_reference_name=data_reference_name or _generated(), path_on_datastore=joined or None)

    def as_mount(self) -> DataReference:
        """Return the reference in mount mode: the script accesses the datastore directly. A missing folder is made."""
        return self._with(mode="mount")

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return the reference in download mode: its files are copied to the node before the script starts.

        Args:
            path_on_compute: folder on the node to copy to.
            overwrite: replace existing files.
        """
        return self._with(mode="download", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return the reference in upload mode: its files are copied to the datastore after the script exits.

        Args:
            path_on_compute: folder on the node to upload.
            overwrite: replace existing files on the datastore.
        """
        return self._with(mode="upload", path_on_compute=path_on_compute, overwrite=overwrite)

    def _with(self, **changes: Any) -> DataReference:
        settings = {name: value for name, value in vars(self).items() if name != "datastore"}
        return DataReference(self.datastore, **{**settings, **changes})

    def to_config(self) -> DataReferenceConfiguration:
        """Return the reference in the format of a run configuration."""
        return DataReferenceConfiguration(
            self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    __repr__ = __str__


class DataPath:
    """A path on a datastore, without an access mode.

    Args:
        datastore: the datastore.
        path_on_datastore: path of a file or folder.
        name: name for references to this path.

    Example:
        >>> DataPath(ds, "weather/2026.csv").path_on_datastore
        'weather/2026.csv'
    """

    @known_keywords
    def __init__(
        self, datastore: DatastoreLike | None = None, path_on_datastore: str | None = None, name: str | None = None
    ) -> None:
        self.datastore = datastore
        self._path = path_on_datastore
        self.name = name

    @property
    def path_on_datastore(self) -> str | None:
        """Path of the file or folder on the datastore."""
        return self._path

    @property
    def datastore_name(self) -> str | None:
        """Name of the datastore."""
        return None if self.datastore is None else self.datastore.name

    def create_data_reference(
        self, data_reference_name: str | None = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        """Return a reference to this path; see :meth:`DataReference.create`.

        Args:
            data_reference_name: name of the reference. Default: the name of this path, or a generated name.
            datapath_compute_binding: a DataPathComputeBinding.

        Raises:
            ValueError: the path has no datastore.
        """
        return DataReference.create(data_reference_name, self, datapath_compute_binding)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        """Return the path of a data reference.

        Args:
            data_reference: the reference.

        Raises:
            UserErrorException: it is not a data reference.
        """
        if not isinstance(data_reference, DataReference):
            raise UserErrorException(f"A DataReference is needed, not a {type(data_reference).__name__}.")
        reference = data_reference
        return DataPath(reference.datastore, reference.path_on_datastore, reference.data_reference_name)


class DataPathComputeBinding:
    """How a run accesses a DataPath.

    Args:
        mode: ``"mount"``, ``"download"`` or ``"upload"``.
        path_on_compute: path on the node.
        overwrite: replace existing files.

    Raises:
        UserErrorException: the mode is unknown.
    """

    def __init__(self, mode: str = "mount", path_on_compute: str | None = None, overwrite: bool = False) -> None:
        check_mode(str(mode).lower())
        self.mode = str(mode).lower()
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite


class References(Record):
    """Data inputs and outputs of a run, by name. The attributes are named as in a run configuration.

    Attributes:
        data_references: data references.
        data: input datasets.
        output_data: output folders.
    """

    data_references: dict[str, DataReferenceConfiguration]
    data: dict[str, Any]
    output_data: dict[str, Any]


def add_reference(references: dict[str, DataReferenceConfiguration], reference: DataReference) -> None:
    """Add a data reference to the references of a run.

    Args:
        references: name → configuration; modified in place.
        reference: data reference to add.

    Raises:
        UserErrorException: a different reference has the same name.

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


def read_references(references: dict[str, Any], where: str) -> dict[str, DataReferenceConfiguration]:
    """Parse the data references of a run configuration file.

    Args:
        references: name → mapping of settings.
        where: name of the mapping, for error messages.

    Raises:
        UserErrorException: an entry is not a valid data reference.
    """
    return {str(name): _read_reference(item, f"{where}.{name}") for name, item in references.items()}


def _read_reference(settings: Any, where: str) -> DataReferenceConfiguration:
    if not isinstance(settings, dict):
        raise UserErrorException(f"{where} must be a mapping with 'dataStoreName', not {settings!r}.")
    read = DataReferenceConfiguration()
    fill(read, {**settings, "mode": str(settings.get("mode", read.mode)).lower()}, where)
    try:
        return DataReferenceConfiguration(
            read.data_store_name, read.mode, read.path_on_data_store, read.path_on_compute, read.overwrite
        )
    except TrainshedError as error:
        raise UserErrorException(f"{where}: {error}") from error


def _generated() -> str:
    import os

    return os.urandom(16).hex()
