"""The estimator: a training script with its compute target, environment, and parameters."""

from __future__ import annotations

import os

from trainshed.api.checks import checked
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.training.estimator_base import MMLBaseEstimator, configure
from trainshed.api.training.estimator_checks import check
from trainshed.api.training.script_params import add_arguments
from trainshed.errors import TYPE_CHECKING, TrainingException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trainshed.api.protocols import TargetLike
    from trainshed.api.training.estimator_checks import Parameters


class Estimator(MMLBaseEstimator):
    """A training script with its compute target, environment, and parameters.

    Submit it with ``experiment.submit(estimator)``. Its ``run_config`` can be modified before submission.

    Args:
        source_directory: folder with the script. Uploaded completely, except for files excluded by ``.amlignore``.
        compute_target: compute target or its name, e.g. ``"local"``.
        vm_size: deprecated: no VM is created. Without ``compute_target``, the run uses this machine.
        vm_priority: stored for display only.
        entry_script: path of the script, relative to the folder. Default: ``"train.py"``.
        script_params: flag → value. A list is passed as several arguments, None and ``''`` as none, and a data
            reference as its path on the node.
        node_count: number of nodes (≥ 1).
        process_count_per_node: number of processes per node (≥ 1).
        distributed_backend: deprecated: use ``distributed_training``.
        distributed_training: distributed backend, e.g. ``MpiConfiguration()``.
        use_gpu: run on GPUs.
        use_docker: allow running in a container. Has no effect without an image.
        custom_docker_base_image: deprecated: use ``custom_docker_image``.
        custom_docker_image: image of the container to run in.
        image_registry_details: address and credentials of the image's registry.
        user_managed: use the existing Python instead of building an environment.
        conda_packages: e.g. ``["scikit-learn"]``.
        pip_packages: e.g. ``["numpy<3"]``.
        conda_dependencies_file_path: deprecated: use ``conda_dependencies_file``.
        pip_requirements_file_path: deprecated: use ``pip_requirements_file``.
        conda_dependencies_file: path of a conda environment file, relative to the folder.
        pip_requirements_file: path of a pip requirements file, relative to the folder.
        environment_variables: environment variables to set for the script.
        environment_definition: an Environment, which replaces all parameters that define the environment.
        inputs: data references that the script uses without an argument.
        source_directory_data_store: ignored.
        shm_size: size of the container's shared memory, e.g. ``"2g"``.
        resume_from: a DataPath, passed to the script as ``--resume-from``.
        max_run_duration_seconds: maximum duration of the run, after which it is stopped.

    Raises:
        TypeError: a parameter is unknown. The message suggests the closest match.
        TrainingException: a parameter has the wrong type, or parameters contradict each other.
        UserErrorException: a package file cannot be read, or a script parameter has an unsupported type.

    Example:
        >>> est = Estimator(
        ...     "./src",
        ...     compute_target="local",
        ...     entry_script="train.py",
        ...     script_params={"--regularization": 0.8},
        ...     conda_packages=["scikit-learn"],
        ... )
        >>> est.run_config.arguments
        ['--regularization', 0.8]
    """

    @checked(TrainingException)
    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        *,
        compute_target: TargetLike | str | None = None,
        vm_size: str | None = None,
        vm_priority: str | None = None,
        entry_script: str | os.PathLike[str] | None = None,
        script_params: Mapping[str, Any] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: str | None = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: str | None = None,
        custom_docker_image: str | None = None,
        image_registry_details: ContainerRegistry | None = None,
        user_managed: bool = False,
        conda_packages: Sequence[str] | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        pip_requirements_file_path: str | os.PathLike[str] | None = None,
        conda_dependencies_file: str | os.PathLike[str] | None = None,
        pip_requirements_file: str | os.PathLike[str] | None = None,
        environment_variables: Mapping[str, str] | None = None,
        environment_definition: Environment | None = None,
        inputs: Sequence[Any] | None = None,
        source_directory_data_store: Any = None,
        shm_size: str | None = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = None,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        given: Parameters = {
            "compute_target": compute_target,
            "vm_size": vm_size,
            "vm_priority": vm_priority,
            "entry_script": entry_script,
            "node_count": node_count,
            "process_count_per_node": process_count_per_node,
            "distributed_backend": distributed_backend,
            "distributed_training": distributed_training,
            "use_gpu": use_gpu,
            "use_docker": use_docker,
            "custom_docker_base_image": custom_docker_base_image,
            "custom_docker_image": custom_docker_image,
            "image_registry_details": image_registry_details,
            "user_managed": user_managed,
            "conda_packages": conda_packages,
            "pip_packages": pip_packages,
            "conda_dependencies_file_path": conda_dependencies_file_path,
            "pip_requirements_file_path": pip_requirements_file_path,
            "conda_dependencies_file": conda_dependencies_file,
            "pip_requirements_file": pip_requirements_file,
            "environment_variables": environment_variables,
            "environment_definition": environment_definition,
            "source_directory_data_store": source_directory_data_store,
            "shm_size": shm_size,
            "max_run_duration_seconds": max_run_duration_seconds,
        }
        config = configure(source_directory, check(type(self).__name__, given, self._SUPPORTED_BACKENDS))
        config.arguments = add_arguments(config._references(), script_params, inputs, resume_from)
        self._begin(source_directory, config, inputs, resume_from)
