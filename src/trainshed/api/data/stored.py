"""Dataset inputs and outputs in run configuration files: ``data`` and ``outputData``, in SDK v1's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.api.data.file_format import stored_input, stored_output
from trainshed.api.section import Section, fill
from trainshed.errors import TrainshedError, UserErrorException
from trainshed.spec.record import to_json

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike


class StoredInput(Section):
    """A dataset input read from a run configuration file. The dataset is looked up when the run is submitted.

    Attributes:
        data_location: the dataset: ``{"dataset": {"name", "version"}}`` or ``{"dataPath": {"datastoreName",
            "relativePath"}}``.
        mechanism: ``"mount"``, ``"download"`` or ``"direct"``.
        path_on_compute: path of the folder on the node.
    """

    def __init__(self) -> None:
        self.data_location: dict[str, Any] = {}
        self.create_output_directories = False
        self.mechanism = "direct"
        self.environment_variable_name: str | None = None
        self.path_on_compute: str | None = None
        self.overwrite = False
        self.options: Any = None
        self._where = "data"
        self._seal()

    def _as_consumption(self, workspace: WorkspaceLike, name: str) -> DatasetConsumptionConfig:
        """Return the input with its dataset.

        Args:
            workspace: workspace in which the dataset is registered.
            name: name of the input.

        Raises:
            NotFoundException: the dataset is not registered.
            UserErrorException: the file does not say which dataset, or the input is invalid.
        """
        try:
            dataset = self._dataset(workspace)
            return DatasetConsumptionConfig(name, dataset, self.mechanism.lower(), self.path_on_compute)
        except TrainshedError as error:
            raise type(error)(f"{self._where}: {error}") from error

    def _dataset(self, workspace: WorkspaceLike) -> Any:
        from trainshed.api.data.dataset import Dataset

        dataset, path = (_mapping(self.data_location, key) for key in ("dataset", "dataPath"))
        if dataset.get("name"):
            return Dataset.get_by_name(workspace, str(dataset["name"]), dataset.get("version") or "latest")
        if dataset.get("definition"):
            return Dataset.of_definition(workspace, dataset["definition"])
        if dataset.get("id"):
            return Dataset.get_by_id(workspace, str(dataset["id"]))
        if path.get("datastoreName"):
            from trainshed.api.data.datastore import Datastore

            store = Datastore(workspace, str(path["datastoreName"]))
            return Dataset.File.from_files((store, str(path.get("relativePath") or "")))
        raise UserErrorException("dataLocation must have a dataset with a name, or a dataPath with a datastoreName.")


def read_inputs(inputs: dict[str, Any], where: str) -> dict[str, Any]:
    """Parse the dataset inputs of a run configuration file.

    Args:
        inputs: name → mapping of settings.
        where: name of the mapping, for error messages.

    Raises:
        UserErrorException: an entry is not a valid input.
    """
    return {str(name): _read_input(item, f"{where}.{name}") for name, item in inputs.items()}


def _read_input(settings: Any, where: str) -> StoredInput:
    if not isinstance(settings, dict):
        raise UserErrorException(f"{where} must be a mapping with 'dataLocation', not {settings!r}.")
    read = StoredInput()
    fill(read, settings, where)
    read._where = where
    return read


def input_to_file(config: DatasetConsumptionConfig) -> dict[str, Any]:
    """Return a dataset input in the format of a run configuration file.

    Args:
        config: the input. Of a dataset that is not registered, the file gets the definition.
    """
    settings = stored_input(to_json(config._spec(config.name)))
    if not config.dataset.id:
        settings["dataLocation"]["dataset"]["definition"] = config.dataset._definition
    return settings


def read_outputs(outputs: dict[str, Any], where: str) -> dict[str, Any]:
    """Parse the outputs of a run configuration file.

    Args:
        outputs: name → mapping of settings.
        where: name of the mapping, for error messages.

    Raises:
        UserErrorException: an entry is not a valid output.
    """
    return {str(name): _read_output(str(name), item, f"{where}.{name}") for name, item in outputs.items()}


def _read_output(name: str, settings: Any, where: str) -> OutputFileDatasetConfig:
    if not isinstance(settings, dict):
        raise UserErrorException(f"{where} must be a mapping with 'outputLocation', not {settings!r}.")
    path = _mapping(_mapping(settings, "outputLocation"), "dataPath")
    options = _mapping(settings, "additionalOptions")
    mechanism = str(settings.get("mechanism") or "mount").lower()
    if mechanism not in ("mount", "upload"):
        raise UserErrorException(f"{where}: mechanism must be mount or upload, not {settings['mechanism']!r}.")
    output = OutputFileDatasetConfig(name, source=options.get("pathOnCompute"))
    if path.get("datastoreName"):
        output._destination_name = str(path["datastoreName"]), str(path.get("relativePath") or "")
    if mechanism == "upload":
        output = output.as_upload(overwrite=bool(_mapping(options, "uploadOptions").get("overwrite")))
    registration = _mapping(options, "registrationOptions")
    if registration.get("name"):
        output = output.register_on_complete(str(registration["name"]), tags=registration.get("tags"))
    return output


def output_to_file(config: OutputFileDatasetConfig) -> dict[str, Any]:
    """Return an output in the format of a run configuration file.

    Args:
        config: the output.
    """
    return stored_output(to_json(config._spec(config.name)))


def _mapping(settings: dict[str, Any], key: str) -> dict[str, Any]:
    found = settings.get(key)
    return found if isinstance(found, dict) else {}
