"""Estimators: a program of September 2018, one of 2019, the framework estimators, and what each refuses.

In the manner of v1's "train with an estimator" tutorials; written from scratch.
"""

import sys

from azureml.core import Environment, Experiment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.runconfig import MpiConfiguration, TensorflowConfiguration
from azureml.exceptions import TrainingException, UserErrorException
from azureml.train.dnn import Chainer, Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow
from azureml.train.estimator import Estimator, MMLBaseEstimator
from azureml.train.sklearn import SKLearn

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="estimators")


def refused(kind, make):
    """Say what was refused."""
    try:
        make()
    except kind as error:
        print("As expected:", error)
    else:
        raise AssertionError("this must be refused")


# September 2018: names that are gone, dicts that are called, details that have attributes.
for name in ws.compute_targets():
    print(ws.compute_targets()[name].name)
datastore = ws.get_default_datastore()
datastore.upload("./src", target_path="of2018", overwrite=True, show_progress=False)
of_2018 = Estimator(
    source_directory="./src",
    script_params={"--data-folder": datastore.path("of2018").as_mount(), "--regularization": 0.8, "--flag": ""},
    compute_target="local",
    entry_script="train_2018.py",
    use_docker=False,
)
of_2018.run_config.environment.python.user_managed_dependencies = True
of_2018.run_config.environment.python.interpreter_path = sys.executable
of_2018.run_config.prepare_environment = True
run = experiment.submit(of_2018)
run.wait_for_completion(show_output=True)
assert run.get_details().status == "Completed"
assert run.get_metrics() == {"alpha": 0.8, "files": 1, "flag": True}

# 2019: what is given at the submit takes the place of what the estimator has.
estimator = Estimator(
    source_directory="./src",
    compute_target="local",
    entry_script="train.py",
    script_params={"--numbers": [1, 2], "--nothing": None, "--ratio": 0.5, "--yes": True},
    environment_variables={"TEAM": "acceptance"},
    user_managed=True,
    max_run_duration_seconds=60,
)
estimator.run_config.environment.python.interpreter_path = sys.executable
assert estimator.run_config.arguments == ["--numbers", 1, 2, "--nothing", "--ratio", 0.5, "--yes", True]
assert estimator.run_config.environment_variables["TEAM"] == "acceptance"
assert isinstance(estimator.conda_dependencies, CondaDependencies)
assert estimator.source_directory == "./src"
assert isinstance(estimator, MMLBaseEstimator)
first = experiment.submit(estimator, tags={"first": "yes"})
second = experiment.submit(estimator, script_params={"--ratio": 0.25})
for each in (first, second):
    each.wait_for_completion()
assert first.get_metrics()["arguments"] == "--numbers 1 2 --nothing --ratio 0.5 --yes True"
assert second.get_metrics() == {"arguments": "--ratio 0.25", "team": "acceptance"}
refused(TrainingException, lambda: experiment.submit(estimator, node_count=2))

# A run that takes longer than it may.
late = Estimator(
    "./src", compute_target="local", entry_script="endless.py", user_managed=True, max_run_duration_seconds=1
)
late.run_config.environment.python.interpreter_path = sys.executable
assert experiment.submit(late).wait_for_completion(raise_on_error=False)["status"] in ("Failed", "Canceled")

# What it comes down to.
distributed = Estimator(
    "./src", compute_target="local", process_count_per_node=4, distributed_training=MpiConfiguration()
)
assert distributed.run_config.mpi.process_count_per_node == 1
assert distributed.run_config.communicator == "IntelMpi"
image = Estimator("./src", compute_target="local", custom_docker_base_image="microsoft/mmlspark:0.12")
assert image.run_config.environment.docker.base_image == "microsoft/mmlspark:0.12"
assert image.run_config.docker.use_docker is True
registry = ContainerRegistry()
registry.address = "example.org"
registered = Estimator(
    "./src", compute_target="local", custom_docker_image="image:1", image_registry_details=registry, shm_size="4g"
)
assert registered.run_config.environment.docker.base_image_registry.address == "example.org"
assert registered.run_config.docker.shm_size == "4g"
by_file = Estimator("./src", compute_target="local", pip_requirements_file="../requirements.txt")
assert "tomli==2.0.1" in list(by_file.conda_dependencies.pip_packages)
by_old_name = Estimator("./src", compute_target="local", pip_requirements_file_path="../requirements.txt")
assert list(by_old_name.conda_dependencies.pip_packages) == list(by_file.conda_dependencies.pip_packages)
packages = Estimator("./src", compute_target="local", conda_packages=["scikit-learn"], pip_packages=["tomli"])
assert "scikit-learn" in list(packages.conda_dependencies.conda_packages)
assert next(iter(packages.conda_dependencies.pip_packages)) == "azureml-defaults"
defined = Estimator("./src", compute_target="local", environment_definition=Environment("mine"))
assert defined.run_config.environment.name == "mine"

# What contradicts itself.
local = {"compute_target": "local"}
refused(TrainingException, lambda: Estimator("./src", **local, node_count=0))
refused(TrainingException, lambda: Estimator("./src", **local, process_count_per_node=0))
refused(TrainingException, lambda: Estimator("./src", **local, process_count_per_node=2))
refused(TrainingException, lambda: Estimator("./src", **local, distributed_backend="smoke signals"))
refused(TrainingException, lambda: Estimator("./src", **local, custom_docker_image="image:1", use_docker=False))
refused(
    TrainingException,
    lambda: Estimator("./src", **local, custom_docker_image="image:1", custom_docker_base_image="image:2"),
)
refused(
    TrainingException,
    lambda: Estimator("./src", **local, environment_definition=Environment("mine"), pip_packages=["tomli"]),
)
refused(
    TrainingException,
    lambda: Estimator("./src", **local, conda_dependencies_file="../environment.yml", pip_packages=["tomli"]),
)
refused(UserErrorException, lambda: Estimator("./src", **local, user_managed=True, pip_packages=["tomli"]))
refused(UserErrorException, lambda: Estimator("./src", **local, pip_requirements_file="no-such-file.txt"))
refused(UserErrorException, lambda: Estimator("./src", **local, script_params={"--data": object()}))
refused(UserErrorException, lambda: Estimator("./src", **local, resume_from="a folder"))
refused(TrainingException, lambda: Estimator("./src", entry_script="train.py"))
refused(TypeError, lambda: Estimator("./src", "local"))
refused(TypeError, lambda: Estimator("./src", **local, vm_location="westeurope"))

# The framework estimators.
for kind, version in ((PyTorch, "1.4"), (TensorFlow, "1.13"), (Chainer, "5.1.0"), (SKLearn, "0.20.3")):
    assert version in kind.get_supported_versions()
    made = kind("./src", **local, entry_script="train.py", framework_version=version)
    assert made.framework_version == version
    refused(TrainingException, lambda kind=kind: kind("./src", **local, framework_version="0.0.1"))
for kind, how in (
    (PyTorch, Nccl()),
    (PyTorch, Gloo()),
    (PyTorch, Mpi(process_count_per_node=1)),
    (TensorFlow, ParameterServer(worker_count=1, parameter_server_count=1)),
    (TensorFlow, TensorflowConfiguration(worker_count=1, parameter_server_count=1)),
):
    kind("./src", **local, entry_script="train.py", distributed_training=how)
servers = TensorFlow("./src", **local, distributed_backend="ps", worker_count=1, parameter_server_count=1)
assert (servers.run_config.framework, servers.run_config.communicator) == ("TensorFlow", "ParameterServer")
refused(TypeError, lambda: SKLearn("./src", **local, node_count=2))
fitted = SKLearn("./src", **local, entry_script="train.py", script_params={"--c": 1}, user_managed=True)
fitted.run_config.environment.python.interpreter_path = sys.executable
third = experiment.submit(fitted)
third.wait_for_completion()
assert third.get_metrics()["arguments"] == "--c 1"

print("estimators: all cells ran")
