"""Dataset inputs and outputs of runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import known_keywords
from trainshed.api.data.data_reference import References
from trainshed.errors import UserErrorException
from trainshed.spec.checks import check_data_name
from trainshed.spec.run import InputSpec, OutputSpec

if TYPE_CHECKING:
    from trainshed.api.protocols import DatasetLike

_MODES = ("direct", "mount", "download")


class DatasetConsumptionConfig:
    """A dataset as a named input of a run; pass it in ``arguments``, ``script_params`` or ``inputs``.

    Args:
        name: name of the input: letters, digits and ``_``.
        dataset: the dataset.
        mode: ``"mount"`` or ``"download"`` to pass a path to the script, ``"direct"`` to pass the dataset. The path is
            that of a folder with the files, or if the dataset was created from the path of one file, of that file.
        path_on_compute: path of the folder on the node.

    Raises:
        UserErrorException: the name, mode or dataset is invalid.

    Example:
        >>> config = dataset.as_named_input("weather").as_mount()
    """

    @known_keywords
    def __init__(
        self, name: str, dataset: DatasetLike, mode: str = "direct", path_on_compute: str | None = None
    ) -> None:
        if mode not in _MODES:
            raise UserErrorException(f"The mode of a dataset must be one of {', '.join(_MODES)}, not {mode!r}.")
        if not hasattr(dataset, "_definition"):
            raise UserErrorException(
                f"A {type(dataset).__name__} is not a dataset. Use Dataset.File or Dataset.Tabular."
            )
        if mode != "direct" and dataset._definition["type"] != "file":
            raise UserErrorException(
                f"Only file datasets support the mode {mode}; a table is passed to the script directly."
            )
        self.name = check_data_name(name, "input")
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the input in mount mode: the script gets a folder of links to the files, or one file."""
        return DatasetConsumptionConfig(self.name, self.dataset, "mount", path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the input in download mode: the script gets a folder with copies of the files, or one file."""
        return DatasetConsumptionConfig(self.name, self.dataset, "download", path_on_compute)

    def _as_argument(self, references: References) -> str:
        existing = references.data.setdefault(self.name, self)
        if existing.dataset is not self.dataset:
            raise UserErrorException(f"Two different datasets are named '{self.name}'. Rename one.")
        return f"DatasetConsumptionConfig:{self.name}"

    def _spec(self, name: str) -> InputSpec:
        definition = json.dumps(self.dataset._definition)
        return InputSpec(name, definition, self.mode, self.path_on_compute, self.dataset.id or "")


class OutputFileDatasetConfig:
    """An output folder of a run that is saved to a datastore; pass it in ``arguments``.

    Args:
        name: name of the output: letters, digits and ``_``. Default: a generated name.
        destination: ``(datastore, path)``. ``{run-id}`` and ``{output-name}`` in the path are replaced. Default:
            ``dataset/{run-id}/{output-name}`` on ``workspaceblobstore``.
        source: folder on the node to save.
        partition_format: ignored.

    Raises:
        UserErrorException: the name or destination is invalid.

    Example:
        >>> cleaned = OutputFileDatasetConfig("cleaned", destination=(ds, "cleaned/{run-id}")).as_upload()
        >>> ScriptRunConfig("./src", arguments=["--to", cleaned]).arguments[1].mode
        'upload'
    """

    @known_keywords
    def __init__(
        self, name: str | None = None, destination: Any = None, source: str | None = None, partition_format: Any = None
    ) -> None:
        if destination is not None and (not isinstance(destination, tuple) or not hasattr(destination[0], "folder")):
            raise UserErrorException("The destination of an output must be (datastore, 'path on it').")
        self.name = check_data_name(name or f"output_{os.urandom(4).hex()}", "output")
        self.destination = destination
        self.source = source
        self.mode = "mount"
        self._overwrite = True
        self._register = ""
        self._tags: dict[str, str] = {}

    def _copy(self, **changes: Any) -> OutputFileDatasetConfig:
        import copy

        copied = copy.copy(self)
        copied.__dict__.update(changes)
        return copied

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """Return the output in mount mode: the script writes directly to the datastore."""
        return self._copy(mode="mount")

    def as_upload(self, overwrite: bool = False, source_globs: Any = None) -> OutputFileDatasetConfig:
        """Return the output in upload mode: its files are copied to the datastore after the script exits."""
        return self._copy(mode="upload", _overwrite=overwrite)

    def register_on_complete(
        self, name: str, description: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> OutputFileDatasetConfig:
        """Return an output that is registered as a dataset when the run completes."""
        return self._copy(_register=name, _tags={str(key): str(value) for key, value in (tags or {}).items()})

    def as_input(self, name: str | None = None) -> Any:
        """Raise an error: register the output as a dataset and use that as an input instead.

        Raises:
            UserErrorException: always.
        """
        raise UserErrorException("Register the output (register_on_complete) and read it with Dataset.get_by_name.")

    def _as_argument(self, references: References) -> str:
        references.output_data[self.name] = self
        return f"DatasetOutputConfig:{self.name}"

    def _spec(self, name: str) -> OutputSpec:
        store, path = self.destination or (None, None)
        datastore = "workspaceblobstore" if store is None else store.name
        path = (path or "dataset/{run-id}/{output-name}").strip("/")
        return OutputSpec(name, datastore, path, self.mode, self.source, self._overwrite, self._register, self._tags)
