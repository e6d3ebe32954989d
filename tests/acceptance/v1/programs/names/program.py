"""Names from wherever programs imported them: other modules, parts of the SDK that are not here, private ones.

Written from scratch.
"""

import json
import sys

from azureml.core import Experiment, Workspace
from azureml.core.authentication import Audience, TokenAuthentication
from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget
from azureml.core.compute.amlcompute import (
    AmlComputeNodeStateCounts,
    AmlComputeProvisioningConfiguration,
    AmlComputeStatus,
    ScaleSettings,
)
from azureml.core.compute.batchai import (
    AutoScaleSettings,
    BatchAiNodeStateCounts,
    BatchAiProvisioningConfiguration,
    BatchAiStatus,
    ManualScaleSettings,
    RequestedScaleSettings,
)
from azureml.core.compute.compute import (
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
    ComputeTargetUpdateConfiguration,
)
from azureml.core.compute.remote import RemoteComputeAttachConfiguration
from azureml.core.container_registry import RegistryIdentity
from azureml.core.databricks import (
    DatabricksCluster,
    DatabricksEnvironment,
    DatabricksSection,
    EggLibrary,
    JarLibrary,
    MavenLibrary,
    PyPiLibrary,
    RCranLibrary,
)
from azureml.core.environment import (
    CondaDependencies,
    DockerEnvironment,
    DockerImageDetails,
    DockerImagePlatform,
    DockerSection,
    Environment,
    EnvironmentReference,
    PythonEnvironment,
    PythonSection,
    RCranPackage,
    RGitHubPackage,
    RSection,
    SparkEnvironment,
    SparkPackage,
    SparkSection,
)
from azureml.core.experiment import Run, ViewType
from azureml.core.model import Dataset, Model
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.runconfig import (
    AbstractRunConfigElement,
    ApplicationEndpointConfiguration,
    BatchAiConfiguration,
    RunConfiguration,
)
from azureml.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from azureml.exceptions import _azureml_exception
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import EstimatorStep
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import choice
from azureml.train.hyperdrive.policy import BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy
from azureml.train.hyperdrive.run import PrimaryMetricGoal
from azureml.train.hyperdrive.sampling import GridParameterSampling

ws = Workspace.from_config(auth=TokenAuthentication({Audience.arm: "token"}.get))
print("Workspace:", ws._workspace_name, ws._workspace_id)
assert [each.name for each in Experiment.list(ws, view_type=ViewType.All)] == []
assert ComputeInstance.supported_vmsizes(ws)[0]["vCPUs"] >= 1

# A cluster by the class of its configuration.
configuration = AmlComputeProvisioningConfiguration(vm_size="STANDARD_D2_V2", max_nodes=2, compute_location="westus")
configuration.validate_configuration()
assert isinstance(configuration, ComputeTargetProvisioningConfiguration)
cluster = ComputeTarget.create(ws, "cpu-cluster", configuration)
assert isinstance(cluster, AmlCompute)
assert cluster.scale_settings.maximum_node_count == 2
status = cluster.get_status()
assert isinstance(status, AmlComputeStatus)
assert AmlComputeStatus.deserialize(status.serialize()).serialize() == status.serialize()
assert isinstance(status.node_state_counts, AmlComputeNodeStateCounts)
assert status.node_state_counts.running_node_count == 0
assert ScaleSettings(0, 2, 1800).serialize() == cluster.scale_settings.serialize()
assert BatchAiStatus is AmlComputeStatus and BatchAiNodeStateCounts is AmlComputeNodeStateCounts
assert isinstance(BatchAiProvisioningConfiguration(max_nodes=1), ComputeTargetProvisioningConfiguration)
assert isinstance(RemoteComputeAttachConfiguration("me", address="192.0.2.1"), ComputeTargetAttachConfiguration)

# Settings that are stored, and have no effect.
for kept in (
    *(
        AbstractRunConfigElement(),
        ApplicationEndpointConfiguration(port=8888),
        AutoScaleSettings(),
        BatchAiConfiguration(),
    ),
    *(ComputeTargetUpdateConfiguration(), DatabricksEnvironment(), DatabricksSection(), DockerImageDetails()),
    *(
        DockerImagePlatform(),
        EnvironmentReference("old"),
        ManualScaleSettings(),
        RegistryIdentity(),
    ),
    *(RequestedScaleSettings(), ResourceConfiguration(cpu=1), EggLibrary("a.egg"), RCranLibrary("x"), PyPiLibrary("y")),
    *(RSection(), RCranPackage(), RGitHubPackage(), DatabricksCluster(num_workers=2), JarLibrary("a.jar")),
):
    print(kept)

environment = Environment("mine")
assert isinstance(environment.python, PythonSection) and PythonEnvironment is PythonSection
assert isinstance(environment.docker, DockerSection) and DockerEnvironment is DockerSection
assert isinstance(environment.spark, SparkSection) and SparkEnvironment is SparkSection
environment.spark.packages = [SparkPackage("com.example", "reader", "1.0")]
environment.databricks = MavenLibrary("com.example:reader:1.0")
environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["tqdm"])
written = json.loads(str(environment))
assert written["name"] == "mine" and written["databricks"]["coordinates"] == "com.example:reader:1.0"
environment.register(ws)

# Parts of the SDK that are not here say so when they are used.
for use in (lambda: Pipeline(ws, steps=[]), lambda: Pipeline.load(ws, "graph"), lambda: EstimatorStep(name="step")):
    try:
        use()
    except _azureml_exception.UserErrorException as error:
        print("As expected:", error)
    else:
        raise AssertionError("a pipeline was made")

# Sweeps: what their parts say of themselves.
assert PrimaryMetricGoal.MAXIMIZE.name == "MAXIMIZE"
bandit = BanditPolicy(slack_factor=0.1, evaluation_interval=2)
assert bandit.to_json() == {
    "name": "Bandit",
    "properties": {"evaluation_interval": 2, "delay_evaluation": 0, "slack_factor": 0.1},
}
assert (bandit.slack_factor, bandit.slack_amount, bandit.evaluation_interval) == (0.1, None, 2)
assert MedianStoppingPolicy(delay_evaluation=5).delay_evaluation == 5
assert TruncationSelectionPolicy(20).truncation_percentage == 20
assert GridParameterSampling({"--a": choice(1, 2)}).to_json()["parameter_space"] == {"--a": ["choice", [[1, 2]]]}

# The estimator's configuration by the private name that notebooks use.
estimator = Estimator("src", entry_script="train.py", compute_target="local")
estimator._estimator_config.environment.python.user_managed_dependencies = True
estimator._estimator_config.environment.python.interpreter_path = sys.executable
run = Experiment(ws, "names").submit(estimator)
run.wait_for_completion(show_output=True)
assert isinstance(run, Run) and run.get_metrics()["packages"] == 2
assert run.get_diagnostics(destination="logs")
model = Model(ws, "named")
assert repr(model) == f"Model(workspace={ws!r}, name=named, id=named:1, version=1, tags={{}}, properties={{}})"
assert Dataset.get_all(ws) == {}
config = ScriptRunConfig("src", "train.py", run_config=RunConfiguration())
assert get_run_config_from_script_run(config) is config.run_config
print("names: all cells ran")
