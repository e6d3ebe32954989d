"""Tune a classifier: a choice with a bandit policy over an Estimator, SKLearn with a grid, and sweeps that resume.

In the manner of v1's "hyperparameter tuning with scikit-learn" notebooks; written from scratch.
"""

import os

import azureml.core
from azureml.core import Experiment, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import PrimaryMetricGoal
from azureml.train.hyperdrive.parameter_expressions import choice
from azureml.train.hyperdrive.policy import BanditPolicy
from azureml.train.hyperdrive.run import HyperDriveRun
from azureml.train.hyperdrive.runconfig import HyperDriveConfig
from azureml.train.hyperdrive.sampling import GridParameterSampling, RandomParameterSampling
from azureml.train.sklearn import SKLearn
from azureml.widgets import RunDetails

print("SDK version:", azureml.core.VERSION)
ws = Workspace.from_config()
cluster_name = "cpu-cluster"
try:
    compute_target = ComputeTarget(workspace=ws, name=cluster_name)
    print("Found existing compute target")
except ComputeTargetException:
    print("Creating a new compute target...")
    settings = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
    compute_target = ComputeTarget.create(ws, cluster_name, settings)
    compute_target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
print(compute_target.get_status().serialize())

project_folder = "./iris"
experiment = Experiment(workspace=ws, name="train_iris")

# The notebooks' clusters had scikit-learn in their images; here it is in this Python.
estimator = Estimator(
    source_directory=project_folder,
    script_params={"--kernel": "linear", "--penalty": 1.0},
    compute_target=compute_target,
    entry_script="train_iris.py",
    user_managed=True,
)
hyperdrive_config = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=RandomParameterSampling(
        {"--kernel": choice("linear", "rbf", "poly", "sigmoid"), "--penalty": choice(0.5, 1, 1.5)}
    ),
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
    primary_metric_name="Accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=3,
    max_concurrent_runs=2,
)
hyperdrive_run = experiment.submit(hyperdrive_config)
RunDetails(hyperdrive_run).show()
hyperdrive_run.wait_for_completion(show_output=True)
assert hyperdrive_run.get_status() == "Completed"
assert isinstance(hyperdrive_run, HyperDriveRun)

best_run = hyperdrive_run.get_best_run_by_primary_metric()
print(best_run.get_details()["runDefinition"]["arguments"])
parameter_values = best_run.get_details()["runDefinition"]["arguments"]
print("Kernel:", parameter_values[1], "Penalty:", parameter_values[3])
assert parameter_values[0::2] == ["--kernel", "--penalty"]
print(best_run.get_file_names())
model = best_run.register_model(model_name="sklearn-iris", model_path="outputs/model.joblib")
print(model.name, model.version)
for child in hyperdrive_run.get_children_sorted_by_primary_metric():
    print(child)

# A framework estimator, and every combination.
sklearn = SKLearn(
    source_directory=project_folder,
    compute_target=compute_target,
    entry_script="train_iris.py",
    user_managed=True,
)
grid_config = HyperDriveConfig(
    estimator=sklearn,
    hyperparameter_sampling=GridParameterSampling({"--kernel": choice("linear", "rbf"), "--penalty": choice([1.0])}),
    primary_metric_name="Accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=12,
    max_concurrent_runs=2,
)
grid_run = experiment.submit(grid_config)
grid_run.wait_for_completion(show_output=False)
assert len(list(grid_run.get_children())) == 2
metrics = grid_run.get_metrics()
assert all(len(logged["Accuracy"]) == 3 for logged in metrics.values())

# Warm start: the sweeps before this one, and one of their runs again, from its own model.
child_run = grid_run.get_best_run_by_primary_metric()
resumed_config = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=RandomParameterSampling(
        {"--kernel": choice("linear", "rbf"), "--penalty": choice(0.5, 1.0)}
    ),
    policy=BanditPolicy(slack_factor=0.15, evaluation_interval=2, delay_evaluation=2),
    primary_metric_name="Accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    resume_from=[hyperdrive_run, grid_run],
    resume_child_runs=[child_run],
    max_total_runs=1,
    max_concurrent_runs=1,
)
resumed_run = experiment.submit(resumed_config)
resumed_run.wait_for_completion()
first = next(run for run in resumed_run.get_children() if run.id.endswith("_0"))
first.download_file("azureml-logs/70_driver_log.txt", "resumed.txt")
assert "resumed: True" in open("resumed.txt").read()
assert resumed_run.get_best_run_by_primary_metric(include_resume_from_runs=True) is not None
assert os.path.exists("resumed.txt")

print("tune_sklearn: all cells ran")
