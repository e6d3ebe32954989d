"""Dataset inputs and outputs in run configuration files: ``data`` and ``outputData``, in SDK v1's format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainshed.api.data.file_format import stored_input, stored_output
from trainshed.api.section import Section, fill
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec.record import to_json
from trainshed.spec.run import InputSpec, OutputSpec

if TYPE_CHECKING:
    from typing_extensions import Self

    from trainshed.api.protocols import WorkspaceLike

_INPUT_MODES = ("direct", "mount", "download")
_OUTPUT_MODES = ("mount", "upload")


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
        self._found: tuple[dict[str, Any], str] = ({}, "")
        self._seal()

    def _with_dataset(self, workspace: WorkspaceLike) -> Self:
        """Return the input with the definition of its dataset.

        Args:
            workspace: workspace in which the dataset is registered.

        Raises:
            NotFoundException: the dataset is not registered.
            UserErrorException: the file does not say which dataset.
        """
        found = self._copy()
        found._found = self._look_up(workspace)
        return found

    def _look_up(self, workspace: WorkspaceLike) -> tuple[dict[str, Any], str]:
        dataset, path = (_mapping(self.data_location, key) for key in ("dataset", "dataPath"))
        if dataset.get("definition"):
            return dataset["definition"], ""
        name, version = dataset.get("name"), dataset.get("version")
        if not name and dataset.get("id"):
            name, _, version = str(dataset["id"]).rpartition(":")
        if name:
            query = {"version": None if version in (None, "latest") else str(version)}
            try:
                entry = workspace.connection.call("GET", quoted("catalog", "dataset", str(name)), query=query)
            except NotFoundException as error:
                raise NotFoundException(f"{self._where}: {error}") from error
            return entry["record"]["definition"], f"{entry['name']}:{entry['version']}"
        if path.get("datastoreName"):
            place = {"datastore": str(path["datastoreName"]), "path": str(path.get("relativePath") or "").strip("/")}
            return {"type": "file", "paths": [place], "steps": []}, ""
        raise UserErrorException(
            f"{self._where}: dataLocation must have a dataset with a name, or a dataPath with a datastoreName."
        )

    def _spec(self, name: str) -> InputSpec:
        definition, dataset = self._found
        return InputSpec(name, json.dumps(definition), self.mechanism.lower(), self.path_on_compute, dataset)


class StoredOutput(Section):
    """An output folder read from a run configuration file.

    Attributes:
        output_location: ``{"dataPath": {"datastoreName", "relativePath"}}``.
        mechanism: ``"mount"`` or ``"upload"``.
        additional_options: ``{"pathOnCompute", "registrationOptions", "uploadOptions"}``.
    """

    def __init__(self) -> None:
        self.output_location: dict[str, Any] = {}
        self.mechanism = "mount"
        self.additional_options: dict[str, Any] = {}
        self.environment_variable_name: str | None = None
        self._seal()

    def _spec(self, name: str) -> OutputSpec:
        path = _mapping(self.output_location, "dataPath")
        upload, registration = (
            _mapping(self.additional_options, key) for key in ("uploadOptions", "registrationOptions")
        )
        return OutputSpec(
            name,
            str(path.get("datastoreName") or "workspaceblobstore"),
            str(path.get("relativePath") or "dataset/{run-id}/{output-name}").strip("/"),
            self.mechanism.lower(),
            self.additional_options.get("pathOnCompute"),
            self.mechanism.lower() == "mount" or bool(upload.get("overwrite")),
            str(registration.get("name") or ""),
            {str(key): str(value) for key, value in _mapping(registration, "tags").items()},
        )


def read_inputs(inputs: dict[str, Any], where: str) -> dict[str, Any]:
    """Parse the dataset inputs of a run configuration file.

    Args:
        inputs: name → mapping of settings.
        where: name of the mapping, for error messages.

    Raises:
        UserErrorException: an entry is not a valid input.
    """
    return {str(name): _read(item, f"{where}.{name}", "dataLocation", StoredInput) for name, item in inputs.items()}


def _read(settings: Any, where: str, key: str, kind: type[Any]) -> Any:
    if not isinstance(settings, dict):
        raise UserErrorException(f"{where} must be a mapping with '{key}', not {settings!r}.")
    read = kind()
    fill(read, settings, where)
    modes = _INPUT_MODES if kind is StoredInput else _OUTPUT_MODES
    if read.mechanism.lower() not in modes:
        raise UserErrorException(f"{where}: mechanism must be {' or '.join(modes)}, not {read.mechanism!r}.")
    read._where = where
    return read


def input_to_file(config: Any) -> dict[str, Any]:
    """Return a dataset input in the format of a run configuration file.

    Args:
        config: the input, a DatasetConsumptionConfig. If its dataset is not registered, the file gets the definition.
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
    return {str(name): _read(item, f"{where}.{name}", "outputLocation", StoredOutput) for name, item in outputs.items()}


def output_to_file(config: Any) -> dict[str, Any]:
    """Return an output in the format of a run configuration file.

    Args:
        config: the output, an OutputFileDatasetConfig.
    """
    return stored_output(to_json(config._spec(config.name)))


def _mapping(settings: dict[str, Any], key: str) -> dict[str, Any]:
    found = settings.get(key)
    return found if isinstance(found, dict) else {}
