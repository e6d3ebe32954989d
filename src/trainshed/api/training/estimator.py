"""The estimator: a training script with all it needs, in one object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import checked
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.training.estimator_base import MMLBaseEstimator, configure
from trainshed.api.training.estimator_checks import check
from trainshed.api.training.script_params import add_arguments
from trainshed.errors import TrainingException

if TYPE_CHECKING:
    from trainshed.api.protocols import TargetLike
    from trainshed.api.training.estimator_checks import Parameters


class Estimator(MMLBaseEstimator):
    """A training script with all it needs; submit it with ``experiment.submit(estimator)``.

    Its ``run_config`` can be read and changed until it is submitted.

    Args:
        source_directory: folder with the script; all of it is sent, less what ``.amlignore`` leaves out.
        compute_target: a target or its name, such as ``"local"``.
        vm_size: accepted; a machine of this size cannot be made here.
        vm_priority: accepted and not used.
        entry_script: Python file in the folder; None: ``train.py``.
        script_params: flag → value, in order. A list stands for several values; None and ``''`` leave the flag alone;
            a data reference stands for its path on the node.
        node_count: how many nodes (≥ 1).
        process_count_per_node: how many processes on each (≥ 1).
        distributed_backend: ``"mpi"``; former way to say ``distributed_training``.
        distributed_training: how several processes find each other, e.g. ``MpiConfiguration()``.
        use_gpu: the script uses a GPU.
        use_docker: a container may be used; without an image nothing asks for one.
        custom_docker_base_image: former name of ``custom_docker_image``.
        custom_docker_image: image to run in.
        image_registry_details: where the image comes from.
        user_managed: build no environment: use the Python there is.
        conda_packages: e.g. ``["scikit-learn"]``.
        pip_packages: e.g. ``["numpy<3"]``.
        conda_dependencies_file_path: former name of ``conda_dependencies_file``.
        pip_requirements_file_path: former name of ``pip_requirements_file``.
        conda_dependencies_file: conda environment file, relative to the folder.
        pip_requirements_file: pip requirements file, relative to the folder.
        environment_variables: set for the script.
        environment_definition: an Environment, instead of all that describes one here.
        inputs: data references that the script uses without an argument.
        source_directory_data_store: accepted and not used.
        shm_size: shared memory of the container, e.g. ``"2g"``.
        resume_from: a DataPath; the script gets it as ``--resume-from``.
        max_run_duration_seconds: the run is ended after so long.

    Raises:
        TypeError: an unknown parameter; the nearest is named.
        TrainingException: parameters that contradict each other, or of a wrong type.
        UserErrorException: a package file that cannot be read, or data of an unknown type.

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
