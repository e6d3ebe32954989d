"""Validation of estimator parameters."""

from __future__ import annotations

import os

from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, ComputeTargetException, TrainingException, UserErrorException
from trainshed.spec.run import LOCAL
from trainshed.spec.shape import check_count, check_launched, check_one_node, check_time_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypedDict

    from trainshed.api.protocols import TargetLike

    class Parameters(TypedDict, total=False):
        """Estimator parameters; see :class:`~trainshed.api.training.estimator.Estimator` for their meaning."""

        compute_target: TargetLike | str | None
        vm_size: str | None
        vm_priority: str | None
        entry_script: str | os.PathLike[str] | None
        script_params: Mapping[str, Any] | None
        node_count: int
        process_count_per_node: int
        distributed_backend: str | None
        distributed_training: Any
        worker_count: int
        parameter_server_count: int
        use_gpu: bool
        use_docker: bool
        custom_docker_base_image: str | None
        custom_docker_image: str | None
        image_registry_details: ContainerRegistry | None
        user_managed: bool
        conda_packages: Sequence[str] | None
        pip_packages: Sequence[str] | None
        conda_dependencies_file_path: str | os.PathLike[str] | None
        pip_requirements_file_path: str | os.PathLike[str] | None
        conda_dependencies_file: str | os.PathLike[str] | None
        pip_requirements_file: str | os.PathLike[str] | None
        environment_variables: Mapping[str, str] | None
        environment_definition: Environment | None
        inputs: Sequence[Any] | None
        source_directory_data_store: Any
        shm_size: str | None
        resume_from: Any
        max_run_duration_seconds: int | None
        framework_version: str | None
        _enable_optimized_mode: bool
        _disable_validation: bool
        _show_lint_warnings: bool
        _show_package_warnings: bool


_RENAMED = (
    ("custom_docker_base_image", "custom_docker_image"),
    ("pip_requirements_file_path", "pip_requirements_file"),
    ("conda_dependencies_file_path", "conda_dependencies_file"),
    ("distributed_backend", "distributed_training"),
)
"""Deprecated and current parameter names. Deprecated names are accepted with a warning; current names take precedence.
"""
_DEPRECATED = {
    "process_count_per_node": (1, "use distributed_training: MpiConfiguration(process_count_per_node=…)"),
    "use_docker": (True, "without a custom image, nothing runs in a container"),
    "vm_size": (None, "machines are not created on demand here, and the run uses this machine; use compute_target"),
}
"""Parameters deprecated in SDK v1 → default, and advice."""
LATER = {
    "node_count": 1,
    "process_count_per_node": 1,
    "distributed_backend": None,
    "distributed_training": None,
    "use_gpu": False,
    "custom_docker_base_image": None,
    "source_directory_data_store": None,
    "worker_count": 1,
    "parameter_server_count": 1,
}
"""Defaults of parameters that some estimators do not have."""
_CLUSTERS = ("amlcompute", "batchai", "kubernetes", "cluster")
_PACKAGES = ("conda_packages", "pip_packages", "pip_requirements_file", "conda_dependencies_file")
_INSIDE_ENVIRONMENT = (
    *_PACKAGES,
    "custom_docker_image",
    "image_registry_details",
    "use_gpu",
    "user_managed",
    "shm_size",
    "environment_variables",
)


def check(owner: str, given: Parameters, backends: tuple[str, ...]) -> Parameters:
    """Validate an estimator's parameters and return them under their current names.

    Args:
        owner: name of the estimator's class.
        given: parameters whose types have been checked.
        backends: supported values of ``distributed_backend``.

    Raises:
        TrainingException: a value is out of range, or parameters contradict each other.
        UserErrorException: ``user_managed`` is combined with packages.
    """
    params = _renamed({**LATER, **given})
    for name, (default, advice) in _DEPRECATED.items():
        if params[name] != default:
            warn(f"'{name}' is deprecated; {advice}.")
    _check_counts(params, backends)
    _check_target(params)
    _check_image(params)
    _check_packages(params)
    if params["compute_target"] is None and params["vm_size"] is None:
        raise TrainingException(f"{owner} needs a compute_target: a target, or the name of one such as 'local'.")
    checked: Parameters = params  # type: ignore[assignment] # typing.cast would have to be imported
    return checked


def _renamed(params: dict[str, Any]) -> dict[str, Any]:
    for old, new in _RENAMED:
        if params[old] is None:
            continue
        if params[new] is not None and new == "custom_docker_image":
            raise TrainingException(f"'{old}' is the former name of '{new}'. Pass only one of them.")
        warn(f"'{old}' is deprecated; use '{new}'.{'' if params[new] is None else ' Only the latter is used.'}")
        if new != "distributed_training" and params[new] is None:
            params[new] = params[old]
    return params


def _check_target(params: Mapping[str, Any]) -> None:
    target = params["compute_target"]
    kind = str(getattr(target, "type", "")).lower()
    if kind == "hdinsight":
        raise ComputeTargetException("An HDInsight cluster cannot run an estimator; use 'local' or a cluster.")
    # A name does not tell the kind of target.
    if target == LOCAL or (target is not None and not isinstance(target, str) and kind not in _CLUSTERS):
        check_one_node(params["node_count"], getattr(target, "name", target), TrainingException)


def _check_counts(params: Mapping[str, Any], backends: tuple[str, ...]) -> None:
    distributed = params["distributed_training"] or params["distributed_backend"]
    for name in ("node_count", "process_count_per_node", "worker_count", "parameter_server_count"):
        count = check_count(name, params[name], error=TrainingException)
        check_launched(name, count, bool(distributed), error=TrainingException)
    backend = params["distributed_backend"]
    if backend is not None and backend.lower() not in backends:
        raise TrainingException(
            f"Unknown distributed_backend {backend!r}. Available: {', '.join(map(repr, backends))}."
        )
    check_time_limit(params["max_run_duration_seconds"], TrainingException)


def _check_image(params: Mapping[str, Any]) -> None:
    if params["custom_docker_image"] is not None and not params["use_docker"]:
        raise TrainingException("A custom image needs a container. Remove use_docker=False, or the image.")
    if params["environment_definition"] is None:
        return
    for name in _INSIDE_ENVIRONMENT:
        if params[name]:
            raise TrainingException(
                f"environment_definition defines the complete environment. Remove '{name}', or set it there."
            )


def _check_packages(params: Mapping[str, Any]) -> None:
    if params["conda_dependencies_file"] is not None:
        for name in ("conda_packages", "pip_packages", "pip_requirements_file"):
            if params[name]:
                raise TrainingException(
                    f"conda_dependencies_file lists all packages. Remove '{name}', or add it to the file."
                )
    if params["user_managed"]:
        for name in _PACKAGES:
            if params[name]:
                raise UserErrorException(
                    f"user_managed=True uses an existing Python without installing packages. "
                    f"Remove '{name}', or user_managed."
                )
