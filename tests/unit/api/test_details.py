from __future__ import annotations

from typing import Any

import pytest

from trainshed import (
    CondaDependencies,
    Environment,
    Estimator,
    MpiConfiguration,
    PyTorch,
    PyTorchConfiguration,
    RunConfiguration,
    TensorFlow,
    TensorflowConfiguration,
)
from trainshed.api.runs.details import details_of
from trainshed.api.runs.run_definition import run_definition
from trainshed.api.runs.watch import failure
from trainshed.api.training.to_spec import SubmitOptions, to_spec
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import to_json
from trainshed.spec.run import DataSpec, RunSpec


def record(**changes: Any) -> dict[str, Any]:
    spec = RunSpec(
        experiment="e",
        snapshot="abc",
        script="train.py",
        arguments=("--a",),
        environment=EnvironmentSpec(python="3.11", conda=("numpy",), pip=("torch",)),
        data=(DataSpec("ref", "store", "d"),),
    )
    return {
        "id": "e_1_ab", "target": "local", "status": "Failed", "started": 1.5, "ended": None, "properties": {"p": "1"},
        "details": {"error": {"message": "no"}, "warnings": [{"source": "s", "message": "m"}]}, "spec": to_json(spec), **changes,
    }  # fmt: skip


def test_keys_are_attributes_and_it_is_a_dict() -> None:
    details = details_of(record(), {"azureml-logs/70_driver_log.txt": "http://x"})
    assert details.status == details["status"] == "Failed"
    assert isinstance(details, dict)
    assert details.startTimeUtc == "1970-01-01T00:00:01.500000Z"
    assert "endTimeUtc" not in details
    assert details["error"]["error"]["message"] == "no"
    assert details.warnings == [{"source": "s", "message": "m"}]
    assert details.properties == {"_azureml.ComputeTargetType": "local", "ContentSnapshotId": "abc", "p": "1"}
    with pytest.raises(AttributeError, match=r"no 'statu'. Did you mean 'status'\?"):
        _ = details.statu


def test_what_was_asked_for_is_told_in_camel_case() -> None:
    definition = details_of(record(), {})["runDefinition"]
    assert (definition["script"], definition["arguments"], definition["nodeCount"]) == ("train.py", ["--a"], 1)
    conda = definition["environment"]["python"]["condaDependencies"]
    assert conda["dependencies"] == ["python=3.11", "numpy", {"pip": ["torch"]}]
    assert definition["dataReferences"]["ref"]["pathOnDataStore"] == "d"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            RunConfiguration(framework="PyTorch", communicator="Nccl"),
            {"framework": "PyTorch", "communicator": "Nccl", "nodeCount": 2},
        ),
        (
            PyTorch("src", compute_target="nodes", distributed_training=PyTorchConfiguration("Nccl", 4, 2)).run_config,
            {"framework": "PyTorch", "communicator": "Nccl", "pytorch": {"processCount": 4, "nodeCount": 2}},
        ),
        (
            Estimator("src", compute_target="nodes", node_count=2, distributed_training=MpiConfiguration(3)).run_config,
            {"communicator": "IntelMpi", "nodeCount": 2, "mpi": {"processCountPerNode": 3, "nodeCount": 2}},
        ),
        (
            TensorFlow(
                "src", compute_target="nodes", node_count=3, distributed_training=TensorflowConfiguration(2, 1)
            ).run_config,
            {
                "framework": "TensorFlow",
                "communicator": "ParameterServer",
                "nodeCount": 3,
                "tensorflow": {"workerCount": 2, "parameterServerCount": 1},
            },
        ),
        (
            RunConfiguration("train.py"),
            {
                "framework": "Python",
                "communicator": "None",
                "nodeCount": 1,
                "data": {},
                "environment": {"name": "default-environment", "docker": {"enabled": False}},
            },
        ),
    ],
)
def test_how_it_was_distributed_is_told_as_it_was_configured(config: RunConfiguration, told: dict[str, Any]) -> None:
    if config.communicator == "Nccl":
        config.node_count = 2
    definition = run_definition(to_json(to_spec(config, SubmitOptions("e"))))

    def check(found: dict[str, Any], wanted: dict[str, Any]) -> None:
        for name, value in wanted.items():
            if isinstance(value, dict) and value:
                check(found[name], value)
            else:
                assert found[name] == value, name

    check(definition, told)


def test_what_launches_is_told_where_nobody_named_it() -> None:
    spec = RunSpec("e", script="train.py", launcher="torch", backend="gloo", process_count_per_node=2)
    definition = run_definition(to_json(spec))
    assert (definition["framework"], definition["communicator"]) == ("PyTorch", "gloo")


def test_the_environment_of_a_run_can_be_used_again() -> None:
    packages = CondaDependencies.create(
        pip_packages=["six"], conda_packages=["scipy"], pip_indexurl="https://index/simple", python_version="3.11"
    )
    packages.add_channel("pytorch")
    packages.set_pip_option("--extra-index-url https://other/simple")
    config = RunConfiguration("train.py")
    config.environment = Environment("mine")
    config.environment.python.conda_dependencies = packages
    docker = config.environment.docker
    docker.enabled, docker.base_image, docker.shm_size, docker.arguments = True, "python:3.11", "4g", ["--ipc=host"]
    docker.base_image_registry.address, docker.base_image_registry.username = "registry", "me"
    first = to_json(to_spec(config, SubmitOptions("e")))
    config.environment = Environment._of_spec(first)
    assert to_json(to_spec(config, SubmitOptions("e"))) == first


def test_a_failure_is_told_with_the_end_of_its_log_and_where_the_rest_is() -> None:
    told = failure("r1", {"message": "Exit code 3.", "log": "azureml-logs/x.txt", "log_tail": "one\ntwo\n"})
    assert told.splitlines() == [
        "Run r1 failed: Exit code 3.",
        "The last lines of azureml-logs/x.txt:",
        "    one",
        "    two",
        "Complete log: run.download_file('azureml-logs/x.txt') or 'trainshed logs r1 azureml-logs/x.txt'.",
    ]
