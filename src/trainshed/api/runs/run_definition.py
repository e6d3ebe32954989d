"""Run definitions in SDK v1's format: ``run.get_details()["runDefinition"]``."""

from __future__ import annotations

from trainshed.api.data.file_format import stored_input, stored_output
from trainshed.errors import TYPE_CHECKING
from trainshed.spec.shape import OPENMPI, TENSORFLOW, TORCH

if TYPE_CHECKING:
    from typing import Any

_FRAMEWORKS = {TORCH: "PyTorch", TENSORFLOW: "TensorFlow"}
_COMMUNICATORS = {OPENMPI: "OpenMpi", TENSORFLOW: "ParameterServer"}


def run_definition(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the run definition in SDK v1's format, from the run's spec.

    Example:
        >>> run_definition(run.record()["spec"])["script"]
        'train.py'
    """
    framework, communicator = _distribution(spec)
    container = spec["container"] or {}
    docker = {"sharedVolumes": True, "shmSize": container.get("shm_size", "2g")}
    docker["arguments"] = list(container.get("arguments") or ())
    processes = spec["process_count_per_node"]
    nodes = {"nodeCount": spec["node_count"]}
    return {
        "script": spec["script"],
        "command": list(spec["command"]),
        "arguments": list(spec["arguments"]),
        "useAbsolutePath": False,
        "sourceDirectoryDataStore": None,
        "target": spec["target"],
        "framework": framework,
        "communicator": communicator,
        "dataReferences": {item["name"]: _reference(item) for item in spec["data"]},
        "data": {item["name"]: stored_input(item) for item in spec["inputs"]},
        "outputData": {item["name"]: stored_output(item) for item in spec["outputs"]},
        "jobName": None,
        "maxRunDurationSeconds": spec["max_run_duration_seconds"],
        **nodes,
        "priority": spec["priority"],
        "environment": _environment(spec, container, docker),
        "environmentVariables": dict(spec["environment_variables"]),
        "history": {"outputCollection": True, "snapshotProject": True, "directoriesToWatch": ["logs"]},
        "mpi": {"processCountPerNode": processes, **nodes},
        "pytorch": {
            "communicationBackend": spec["backend"] or "nccl",
            "processCount": processes * spec["node_count"] if spec["launcher"] == TORCH else None,
            **nodes,
        },
        "tensorflow": {
            "workerCount": spec["worker_count"] or 1,
            "parameterServerCount": spec["parameter_server_count"] if spec["launcher"] == TENSORFLOW else 1,
        },
        "docker": {"useDocker": bool(container), **docker},
    }


def _distribution(spec: dict[str, Any]) -> tuple[str, str]:
    """Return framework and communicator: those of the run configuration, or those that the launcher implies."""
    launcher = spec["launcher"]
    framework, communicator = str(spec["framework"]), str(spec["communicator"])
    if communicator == "None" and framework in ("Python", "PyTorch", "TensorFlow"):
        communicator = spec["backend"] if launcher == TORCH else _COMMUNICATORS.get(launcher, communicator)
    return (_FRAMEWORKS.get(launcher, framework) if framework == "Python" else framework), communicator


def _environment(spec: dict[str, Any], container: dict[str, Any], docker: dict[str, Any]) -> dict[str, Any]:
    environment = spec["environment"]
    registry = {"address": container.get("registry") or None, "username": container.get("username") or None}
    return {
        "name": spec["environment_name"] or None,
        "version": None,
        "python": {
            "interpreterPath": environment["interpreter"],
            "userManagedDependencies": environment["kind"] == "existing",
            "condaDependencies": {
                "name": "project_environment",
                "dependencies": [
                    *([f"python={environment['python']}"] if environment["python"] else []),
                    *environment["conda"],
                    {"pip": [*environment["pip_options"], *environment["pip"]]},
                ],
                "channels": list(environment["channels"]),
            },
            "baseCondaEnvironment": None,
        },
        "environmentVariables": dict(spec["environment_variables"]),
        "docker": {
            "enabled": bool(container),
            "baseImage": container.get("image") or None,
            "baseDockerfile": container.get("dockerfile") or None,
            "baseImageRegistry": {**registry, "password": None},
            **docker,
        },
    }


def _reference(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataStoreName": item["datastore"],
        "pathOnDataStore": item["path"],
        "mode": item["mode"],
        "pathOnCompute": item["path_on_compute"],
        "overwrite": item["overwrite"],
    }
