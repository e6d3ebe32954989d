"""Corners of v1 that scripts reach into: names of 2018, private ones that documents told people to use, exceptions.

Written from scratch.
"""

import os
import sys

import azureml._restclient.snapshots_client as snapshots_client
from azureml._restclient.constants import RunStatus
from azureml.core import Experiment, Run, ScriptRunConfig, Workspace, is_compute_target_prepared, prepare_compute_target
from azureml.core.authentication import ArmTokenAuthentication
from azureml.core.compute import RemoteCompute
from azureml.core.runconfig import (
    DEFAULT_MMLSPARK_CPU_IMAGE,
    MPI_CPU_IMAGE,
    MPI_GPU_IMAGE,
    ParallelTaskConfiguration,
    RunConfiguration,
    SparkConfiguration,
)
from azureml.data import OutputFileDatasetConfig
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.exceptions import (
    AuthenticationException,
    AzureMLAggregatedException,
    AzureMLException,
    ComputeTargetException,
    DiscoveryUrlNotFoundException,
    ExperimentExecutionException,
    ModelNotFoundException,
    ParallelRunException,
    ProjectSystemException,
    RunEnvironmentException,
    ServiceException,
    SnapshotException,
    UserErrorException,
    WorkspacePrivateEndpointException,
)
from azureml.train.estimator import Estimator, MMLBaseEstimator, MMLBaseEstimatorRunConfig
from azureml.train.hyperdrive import (
    BanditPolicy,
    EarlyTerminationPolicy,
    HyperDriveConfig,
    HyperDriveRun,
    HyperParameterSampling,
    PrimaryMetricGoal,
    RandomParameterSampling,
    uniform,
)

assert Workspace.setup() == Workspace.from_config()
ws = Workspace.from_config(auth=ArmTokenAuthentication("a-token"))
print("The service:", ws.discovery_url)
experiment = Experiment(ws, "corners")

# What documents had people set and read.
assert snapshots_client.SNAPSHOT_MAX_FILES == 2000
assert snapshots_client.SNAPSHOT_BATCH_SIZE == 500
before, snapshots_client.SNAPSHOT_MAX_SIZE_BYTES = snapshots_client.SNAPSHOT_MAX_SIZE_BYTES, 1000
with open("src/large.bin", "wb") as file:
    file.write(bytes(2000))
try:
    experiment.submit(ScriptRunConfig("src", "train.py"))
except SnapshotException as error:
    print("As expected:", error)
else:
    raise AssertionError("the limit that was set is not kept")
snapshots_client.SNAPSHOT_MAX_SIZE_BYTES = before
os.remove("src/large.bin")

# Stock images are constants, and mean no particular image.
config = RunConfiguration()
config.environment.docker.base_image = MPI_CPU_IMAGE
assert MPI_CPU_IMAGE and MPI_GPU_IMAGE and DEFAULT_MMLSPARK_CPU_IMAGE
config.environment.python.user_managed_dependencies = True
config.environment.python.interpreter_path = sys.executable
assert ParallelTaskConfiguration().max_retries_per_worker == 0
assert SparkConfiguration().configuration["spark.app.name"] == "Azure ML Experiment"

# Preparing a target by hand was a step of 2018.
prepare_compute_target(experiment, "src", config)
assert is_compute_target_prepared(experiment, "src", config)

# A run goes on from the outputs of another one.
first = experiment.submit(ScriptRunConfig("src", "train.py", run_config=config))
first.wait_for_completion()
assert first.get_status() == RunStatus.COMPLETED
again = Estimator(
    source_directory="src",
    entry_script="train.py",
    compute_target="local",
    user_managed=True,
    resume_from=first._get_outputs_datapath(),
)
again.run_config.environment.python.interpreter_path = sys.executable
assert isinstance(again, MMLBaseEstimator)
assert issubclass(MMLBaseEstimatorRunConfig, object)
second = experiment.submit(again)
second.wait_for_completion()
second.download_file("outputs/count.txt", "count.txt")
with open("count.txt", encoding="utf-8") as file:
    assert file.read() == "2"

# Names of 2018 for what a run leaves.
assert second.snapshot_restore(path=".").endswith(".zip")
print("Cleaned:", second.clean_all())

# A run is a context manager by these two.
assert Run.__enter__ and Run.__exit__
with experiment.start_logging(snapshot_directory=None) as run:
    run.log("x", 1)
assert run.get_status() == RunStatus.COMPLETED

# Datastores have v1's kinds.
stores = ws.datastores
assert isinstance(stores["workspaceblobstore"], AzureBlobDatastore)
assert isinstance(stores["workspacefilestore"], AzureFileDatastore)

# Sweeps: their parts.
sweep = HyperDriveConfig(
    estimator=again,
    hyperparameter_sampling=RandomParameterSampling({"--x": uniform(0, 1)}),
    policy=BanditPolicy(slack_factor=0.1),
    primary_metric_name="loss",
    primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
    max_total_runs=4,
)
assert issubclass(BanditPolicy, EarlyTerminationPolicy)
assert issubclass(RandomParameterSampling, HyperParameterSampling)
assert HyperDriveRun(experiment, run.id, hyperdrive_config=sweep).hyperdrive_run_config is sweep

# What cannot be done here says so.
for kind, call in (
    (UserErrorException, lambda: OutputFileDatasetConfig("out").as_input("in")),
    (ComputeTargetException, lambda: RemoteCompute.get_credentials(object.__new__(RemoteCompute))),
):
    try:
        call()
    except kind as error:
        print("As expected:", error)
    else:
        raise AssertionError("this cannot be here")

# One root, as in v1; what signs in is the user's to mend.
for each in (
    AzureMLAggregatedException,
    DiscoveryUrlNotFoundException,
    ExperimentExecutionException,
    ModelNotFoundException,
    ParallelRunException,
    ProjectSystemException,
    RunEnvironmentException,
    ServiceException,
    WorkspacePrivateEndpointException,
):
    assert issubclass(each, AzureMLException), each
assert issubclass(AuthenticationException, UserErrorException)
print("old_corners: all cells ran")
