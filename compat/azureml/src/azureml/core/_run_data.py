"""Data of run configurations as SDK v1 described it: ``run_config.data`` and ``run_config.output_data``."""

from __future__ import annotations

from typing import Any

from trainshed.api.data.stored import StoredInput, StoredOutput, input_to_file
from trainshed.data.addresses import checked
from trainshed.errors import UserErrorException


class Data(StoredInput):
    """A dataset as an input of a run. Its dataset is looked up when the run is submitted.

    Args:
        data_location: a DataLocation.
        create_output_directories: stored without effect.
        mechanism: ``"mount"``, ``"download"`` or ``"direct"``.
        environment_variable_name: stored without effect.
        path_on_compute: path of the folder on the node.
        overwrite: stored without effect.
        options: stored without effect.
    """

    def __init__(
        self,
        data_location: Any = None,
        create_output_directories: bool = False,
        mechanism: str | None = None,
        environment_variable_name: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
        options: Any = None,
    ) -> None:
        super().__init__()
        self.data_location = location(data_location)
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism or "mount"
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options

    @staticmethod
    def create(data: Any) -> Data:
        """Return an input as it is described here.

        Args:
            data: a DatasetConsumptionConfig, or a Data.

        Raises:
            UserErrorException: it is something else.
        """
        if isinstance(data, Data):
            return data
        if not hasattr(data, "dataset"):
            raise UserErrorException(f"Pass a DatasetConsumptionConfig, not a {type(data).__name__}.")
        described = input_to_file(data)
        return Data(described["dataLocation"], False, data.mode, data.name, data.path_on_compute)


class OutputData(StoredOutput):
    """An output folder of a run.

    Args:
        output_location: an OutputDataLocation or DataLocation with a DataPath.
        mechanism: ``"mount"`` or ``"upload"``.
        additional_options: an OutputOptions.
        environment_variable_name: stored without effect.
    """

    def __init__(
        self,
        output_location: Any = None,
        mechanism: str | None = None,
        additional_options: Any = None,
        environment_variable_name: str | None = None,
    ) -> None:
        super().__init__()
        self.output_location = location(output_location)
        self.mechanism = mechanism or "mount"
        self.additional_options = _options(additional_options)
        self.environment_variable_name = environment_variable_name


def location(given: Any) -> dict[str, Any]:
    """Return a DataLocation as in a run configuration file.

    Args:
        given: a DataLocation, such a mapping, or None.
    """
    if given is None or isinstance(given, dict):
        return dict(given or {})
    dataset, path, uri = (getattr(given, name, None) for name in ("dataset", "data_path", "uri"))
    found: dict[str, Any] = {"dataset": None, "dataPath": None}
    if dataset is not None:
        found["dataset"] = {
            "id": dataset.dataset_id,
            "name": dataset.dataset_name,
            "version": dataset.dataset_version,
        }
    if path is not None:
        found["dataPath"] = {"datastoreName": path.datastore_name, "relativePath": path.relative_path}
    if uri is not None and uri.path:
        found["dataset"] = {"definition": {"type": "file", "paths": [{"url": checked(uri.path)}], "steps": []}}
    return found


def _options(given: Any) -> dict[str, Any]:
    if given is None or isinstance(given, dict):
        return dict(given or {})
    registration, upload = given.registration_options, given.upload_options
    return {
        "pathOnCompute": given.path_on_compute,
        "registrationOptions": {"name": registration.name, "tags": registration.tags} if registration else None,
        "uploadOptions": {"overwrite": bool(upload.overwrite)} if upload else None,
    }
