from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainshed import (
    DockerConfiguration,
    Environment,
    Estimator,
    MpiConfiguration,
    PyTorch,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    TensorFlow,
    TensorflowConfiguration,
)
from trainshed.api.configuration.distribution import Gloo
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.training.to_spec import container, distribution, uses_gpu
from trainshed.errors import RunConfigurationException, TrainingException
from trainshed.spec.container import ContainerSpec
from trainshed.spec.shape import Distribution

MPI_2X3 = Distribution("openmpi", 2, 3)


def configured(**settings: Any) -> RunConfiguration:
    config = RunConfiguration()
    for name, value in settings.items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (RunConfiguration(), Distribution()),
        (RunConfiguration(communicator="OpenMpi"), Distribution("openmpi")),
        (configured(communicator="IntelMpi", node_count=2, mpi=MpiConfiguration(3)), MPI_2X3),
        (configured(communicator="mpi", mpi=MpiConfiguration(3, node_count=2)), MPI_2X3),
        # What the run configuration says goes before what the distributed setting does; so scripts change it.
        (configured(communicator="Mpi", node_count=2, mpi=MpiConfiguration(3, node_count=5)), MPI_2X3),
        (configured(framework="PythonMPI", node_count=2, mpi=MpiConfiguration(3)), MPI_2X3),
        (configured(framework="PyTorch", communicator="Nccl", node_count=2), Distribution("torch", 2, 1, "nccl")),
        (
            configured(communicator="gloo", pytorch=PyTorchConfiguration("Gloo", 6, 3)),
            Distribution("torch", 3, 2, "gloo"),
        ),
        (
            configured(communicator="ParameterServer", node_count=2, tensorflow=TensorflowConfiguration(2, 1)),
            Distribution("tensorflow", 2, 2, "", 2, 1),
        ),
        (
            configured(framework="TensorFlowParameterServer", tensorflow=TensorflowConfiguration(2, 0)),
            Distribution("tensorflow", 1, 2, "", 2, 0),
        ),
    ],
)
def test_a_run_configuration_says_how_many(config: RunConfiguration, shape: Distribution) -> None:
    assert distribution(config) == shape


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (
            Estimator("s", compute_target="c", node_count=2, process_count_per_node=3, distributed_backend="mpi"),
            MPI_2X3,
        ),
        (Estimator("s", compute_target="c", node_count=2, distributed_training=MpiConfiguration(3)), MPI_2X3),
        (ScriptRunConfig("s", distributed_job_config=MpiConfiguration(3, 2)), MPI_2X3),
        (
            ScriptRunConfig("s", distributed_job_config=PyTorchConfiguration("Gloo", 4, 2)),
            Distribution("torch", 2, 2, "gloo"),
        ),
        (
            PyTorch("s", compute_target="c", node_count=2, process_count_per_node=4, distributed_backend="nccl"),
            Distribution("torch", 2, 4, "nccl"),
        ),
        (PyTorch("s", compute_target="local", distributed_training=Gloo()), Distribution("torch", 1, 1, "gloo")),
        (
            TensorFlow("s", compute_target="local", worker_count=3, parameter_server_count=2, distributed_backend="ps"),
            Distribution("tensorflow", 1, 5, "", 3, 2),
        ),
        (
            ScriptRunConfig("s", distributed_job_config=TensorflowConfiguration(2, 1)),
            Distribution("tensorflow", 1, 3, "", 2, 1),
        ),
    ],
)
def test_every_way_to_ask_for_several_arrives(made: Any, shape: Distribution) -> None:
    assert distribution(made._submission({}).config) == shape


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"framework": "Spark"}, "run_config.framework 'Spark'"),
        ({"communicator": "OpenMp"}, "run_config.communicator 'OpenMp'.*Did you mean 'OpenMpi'"),
        ({"node_count": 2}, "node_count is 2, and 2 processes need a distributed backend"),
        ({"mpi": MpiConfiguration(2)}, "mpi.process_count_per_node is 2"),
        ({"pytorch": PyTorchConfiguration(process_count=2)}, "pytorch.process_count is 2"),
        ({"tensorflow": TensorflowConfiguration(2)}, "tensorflow.worker_count is 2"),
        (
            {"communicator": "Nccl", "node_count": 2, "pytorch": PyTorchConfiguration(process_count=3)},
            "must be a multiple of 2",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(settings: Any, says: str) -> None:
    with pytest.raises(RunConfigurationException, match=says):
        distribution(configured(**settings))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (MpiConfiguration, (0,)),
        (MpiConfiguration, (1, "2")),
        (PyTorchConfiguration, ("Mpi",)),
        (PyTorchConfiguration, ("Nccl", 0)),
        (PyTorchConfiguration, ("Nccl", 1, True)),
        (TensorflowConfiguration, (0,)),
        (TensorflowConfiguration, (1, -1)),
    ],
)
def test_counts_are_whole_numbers(kind: Any, values: Any) -> None:
    with pytest.raises(RunConfigurationException):
        kind(*values)


def environment(**docker: Any) -> Environment:
    made = Environment("e")
    for name, value in docker.items():
        setattr(made.docker, name, value)
    return made


def test_an_image_of_ones_own_is_a_container() -> None:
    registry = ContainerRegistry()
    registry.address = "registry.example.org"
    made = Estimator(
        "s",
        compute_target="local",
        custom_docker_image="img",
        image_registry_details=registry,
        shm_size="8g",
        use_gpu=True,
    )
    asked = ContainerSpec("img", registry="registry.example.org", shm_size="8g")
    assert container(made.run_config) == asked


def test_a_dockerfile_is_text_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python:3.11\n")
    for given in ("FROM python:3.11\n", str(file)):
        config = configured(
            docker=DockerConfiguration(True), environment=environment(base_image=None, base_dockerfile=given)
        )
        assert container(config) == ContainerSpec("", dockerfile="FROM python:3.11\n")


def test_a_folder_to_build_an_image_in_is_refused() -> None:
    config = configured(docker=DockerConfiguration(True), environment=environment(build_context=object()))
    with pytest.raises(TrainingException, match="without a build context"):
        container(config)


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (RunConfiguration(), False),
        (configured(docker=DockerConfiguration(True)), False),
        (configured(docker=DockerConfiguration(True), environment=environment(base_image="i")), True),
        (configured(environment=environment(base_image="i", enabled=True)), True),
        (configured(docker=DockerConfiguration(True), environment=environment(base_dockerfile="FROM i")), True),
        # As in v1: on this machine only where docker is asked for, elsewhere an image will do.
        (configured(environment=environment(base_image="i")), False),
        (configured(target="c", environment=environment(base_image="i")), True),
        (configured(target="c", environment=environment(base_image="i"), docker=DockerConfiguration(False)), False),
        (configured(target="c", environment=environment(base_image="mcr.microsoft.com/azureml/base:0.1.3")), False),
    ],
)
def test_when_a_run_asks_for_a_container(config: RunConfiguration, asked: bool) -> None:
    assert (container(config) is not None) is asked


def test_what_is_said_in_both_places_is_put_together() -> None:
    config = configured(
        docker=DockerConfiguration(True, arguments=["--b"]),
        environment=environment(base_image="i", arguments=["--a"], shm_size="4g", gpu_support=True),
    )
    found = container(config)
    assert found is not None
    assert (found.arguments, found.shm_size) == (("--a", "--b"), "4g")


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (RunConfiguration(), False),
        (RunConfiguration(communicator="Gloo"), False),
        (RunConfiguration(communicator="Nccl"), True),
        (configured(environment=environment(base_image="i", gpu_support=True)), True),
        (configured(environment=environment(base_image="mcr.microsoft.com/azureml/base-gpu:intelmpi2018.3")), True),
        (configured(environment=environment(base_image="mcr.microsoft.com/azureml/openmpi3.1.2-cuda10.1:1")), True),
        (configured(environment=environment(base_image="mcr.microsoft.com/azureml/base:0.1.3")), False),
        (Estimator("s", compute_target="local", use_gpu=True).run_config, True),
    ],
)
def test_when_a_run_asks_for_gpus(config: RunConfiguration, asked: bool) -> None:
    assert uses_gpu(config) is asked
