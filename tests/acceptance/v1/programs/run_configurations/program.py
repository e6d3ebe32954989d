"""Run configurations: what is in one, and the files of both eras.

In the manner of v1's "set up and use compute targets" article; written from scratch.
"""

import os
import sys

from azureml.core import Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import (
    DEFAULT_CPU_IMAGE,
    AmlComputeConfiguration,
    AzureContainerRegistry,
    ContainerRegistry,
    DataReferenceConfiguration,
    DockerConfiguration,
    DockerEnvironment,
    DockerSection,
    HdiConfiguration,
    HistoryConfiguration,
    MpiConfiguration,
    PythonEnvironment,
    PythonSection,
    PyTorchConfiguration,
    SparkEnvironment,
    SparkSection,
    TensorflowConfiguration,
)
from azureml.exceptions import AzureMLException, RunConfigurationException, UserErrorException

ws = Workspace.from_config()
experiment = Experiment(ws, "run-configurations")

# What is in one.
config = RunConfiguration()
assert (config.script, config.arguments, config.target) == (None, [], "local")
assert (config.framework, config.communicator, config.node_count) == ("Python", "None", 1)
assert config.max_run_duration_seconds is None
assert config.environment.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
assert config.environment.python.user_managed_dependencies is False
assert config.environment.python.interpreter_path == "python"
assert isinstance(config.environment.python.conda_dependencies, CondaDependencies)
assert config.environment.docker.enabled is False
assert config.environment.docker.base_image == DEFAULT_CPU_IMAGE
assert config.environment.docker.shared_volumes is True
assert config.environment.docker.gpu_support is False
assert config.environment.docker.arguments == []
assert config.environment.spark.precache_packages is True
assert config.history.output_collection is True
assert config.history.snapshot_project is True
assert config.history.directories_to_watch == ["logs"]
assert (config.docker.use_docker, config.docker.shm_size) == (False, "2g")
assert config.hdi.yarn_deploy_mode == "cluster"
assert (config.tensorflow.worker_count, config.tensorflow.parameter_server_count) == (1, 1)
assert (config.mpi.process_count_per_node, config.mpi.node_count) == (1, 1)
assert config.pytorch.communication_backend.lower() == "nccl"
assert config.amlcompute.vm_size is None
assert config.data_references == config.data == config.output_data == {}
assert config.source_directory_data_store is None

# Its parts, under the names of both eras.
assert AzureContainerRegistry is ContainerRegistry
assert (PythonEnvironment, DockerEnvironment, SparkEnvironment) == (PythonSection, DockerSection, SparkSection)
assert isinstance(config.history, HistoryConfiguration)
assert isinstance(config.hdi, HdiConfiguration)
assert isinstance(config.amlcompute, AmlComputeConfiguration)
assert isinstance(config.docker, DockerConfiguration)
assert isinstance(config.mpi, MpiConfiguration)
assert isinstance(config.tensorflow, TensorflowConfiguration)
reference = DataReferenceConfiguration(datastore_name="workspaceblobstore", path_on_datastore="a", mode="download")
assert (reference.data_store_name, reference.path_on_data_store, reference.mode) == (
    "workspaceblobstore",
    "a",
    "download",
)
for wrong in (
    lambda: PyTorchConfiguration(communication_backend="smoke signals"),
    lambda: DataReferenceConfiguration("workspaceblobstore", mode="copy"),
):
    try:
        wrong()
    except (RunConfigurationException, UserErrorException) as error:
        print("As expected:", error.message)
    else:
        raise AssertionError("this cannot be")

# Names that never were, or are no more: kept, with a warning.
config.prepare_environment = True
config.auto_prepare_environment = True
config.environment.docker.gpu_support = True

# Changed after it was made, and honoured.
config.environment.python.user_managed_dependencies = True
config.environment.python.interpreter_path = sys.executable
config.environment_variables = {"GREETING": "hello"}
config.script = "show.py"
config.arguments = ["--name", "value"]
run = experiment.submit(ScriptRunConfig("./src", run_config=config))
run.wait_for_completion()
assert run.get_metrics() == {"arguments": "--name value", "greeting": "hello", "example": "EXAMPLE_VALUE"}

# Written, and read again: beside .azureml, where 2018 had aml_config, and from a file that one names.
os.makedirs("new")
config.save(path="new", name="mine")
assert os.path.isfile("new/.azureml/mine.runconfig") or os.path.isfile("new/.azureml/mine")
loaded = RunConfiguration.load(path="new", name="mine")
assert loaded.environment_variables["GREETING"] == "hello"
assert loaded.arguments == ["--name", "value"]
assert loaded.environment.python.interpreter_path == sys.executable
of_2018 = RunConfiguration.load(path="of2018", name="local")
assert of_2018.script == "show.py"
assert of_2018.environment.python.user_managed_dependencies is True
of_2018.environment.python.interpreter_path = sys.executable
second = experiment.submit(ScriptRunConfig("./src", run_config=of_2018))
second.wait_for_completion()
assert second.get_metrics()["arguments"] == "--of 2018"
RunConfiguration.delete(path="new", name="mine")
for wrong in (lambda: RunConfiguration.load("new", "mine"), lambda: RunConfiguration.delete("new", "mine")):
    try:
        wrong()
    except (UserErrorException, FileNotFoundError) as error:
        print("As expected:", error)
    else:
        raise AssertionError("a configuration that is not there was found")
try:
    config.save(path="no-such-folder", name="mine")
except (UserErrorException, FileNotFoundError) as error:
    print("As expected:", error)
else:
    raise AssertionError("a configuration was written into a folder that is not there")

# Given together with what it has already: the configuration wins, with a warning.
both = ScriptRunConfig("./src", "show.py", run_config=config, compute_target="a-cluster", environment=Environment("b"))
assert both.run_config.target == "local"
for wrong in (
    lambda: ScriptRunConfig("./src", script="show.py", command="echo hello"),
    lambda: ScriptRunConfig("./src", "show.py", distributed_job_config="mpi"),
    lambda: experiment.submit("a string"),
    lambda: experiment.submit(ScriptRunConfig("./no-such-folder", "show.py", run_config=config)),
):
    try:
        wrong()
    except AzureMLException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError("this cannot be submitted")

print("run_configurations: all cells ran")
