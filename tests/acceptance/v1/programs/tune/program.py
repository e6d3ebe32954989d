"""Tune hyperparameters: a sweep with early termination, its best run, and a second sweep that resumes from it.

In the manner of v1's "tune hyperparameters" tutorials; written from scratch.
"""

import json

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.exceptions import AzureMLException
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    HyperDriveRunConfig,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from azureml.train.hyperdrive.parameter_expressions import uniform as same_uniform
from azureml.train.hyperdrive.policy import BanditPolicy as SameBanditPolicy
from azureml.train.hyperdrive.run import HyperDriveRun as SameHyperDriveRun
from azureml.train.hyperdrive.runconfig import HyperDriveConfig as SameHyperDriveConfig
from azureml.train.hyperdrive.sampling import RandomParameterSampling as SameRandomParameterSampling
from azureml.widgets import RunDetails

ws = Workspace.from_config()
experiment = Experiment(ws, "tune")

assert same_uniform is uniform
assert SameBanditPolicy is BanditPolicy
assert SameHyperDriveRun is HyperDriveRun
assert SameHyperDriveConfig is HyperDriveConfig
assert SameRandomParameterSampling is RandomParameterSampling

sampling = RandomParameterSampling(
    {
        "--learning-rate": loguniform(-6, -1),
        "--momentum": uniform(0.1, 0.9),
        "--batch-size": choice(16, 32, 64),
        "--layers": randint(4),
        "--hidden": quniform(16, 128, 16),
        "--scale": qloguniform(0, 4, 1),
        "--noise": normal(0, 1),
        "--step": qnormal(10, 3, 1),
        "--decay": lognormal(0, 1),
        "--patience": qlognormal(1, 1, 1),
    }
)
GridParameterSampling({"--batch-size": choice(range(8, 64, 8))})
BayesianParameterSampling({"--momentum": uniform(0.1, 0.9), "--batch-size": choice([16, 32])})
for policy in (MedianStoppingPolicy(1, 5), TruncationSelectionPolicy(20, 1, 5), NoTerminationPolicy()):
    print(policy)

estimator = Estimator("./src", compute_target="local", entry_script="train.py", script_params={"--epochs": 3})
config = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=sampling,
    policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1, delay_evaluation=4),
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=8,
    max_concurrent_runs=4,
    max_duration_minutes=60,
)
assert config.estimator is estimator
assert config.source_directory == "./src"
assert config.run_config is config.pipeline is None
assert (
    HyperDriveConfig(
        run_config=ScriptRunConfig("./src", "train.py"),
        hyperparameter_sampling=sampling,
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.from_str("maximize"),
        max_total_runs=8,
    ).run_config.script
    == "train.py"
)
of_2018 = HyperDriveRunConfig(
    estimator,
    hyperparameter_sampling=sampling,
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=8,
)
assert isinstance(of_2018, HyperDriveConfig)

hyperdrive_run = experiment.submit(config)
assert isinstance(hyperdrive_run, HyperDriveRun)
assert hyperdrive_run.hyperdrive_config is config
RunDetails(hyperdrive_run).show()
hyperdrive_run.wait_for_completion(show_output=True)
assert hyperdrive_run.get_status() == "Completed"

best_run = hyperdrive_run.get_best_run_by_primary_metric()
print("Best run:", best_run.id, best_run.get_metrics())
parameter_values = best_run.get_details()["runDefinition"]["arguments"]
print("Learning rate:", parameter_values[parameter_values.index("--learning-rate") + 1])
children = hyperdrive_run.get_children_sorted_by_primary_metric()
assert len(children) == 8
assert children[0]["run_id"] == best_run.id == hyperdrive_run.get_properties()["best_child_run_id"]
model = best_run.register_model("tuned", "outputs/model.txt")
assert model.version == 1

# Some more runs, which begin where the best one ended.
resumed = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=BayesianParameterSampling({"--learning-rate": uniform(0.01, 0.1)}),
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=2,
    resume_from=hyperdrive_run,
    resume_child_runs=[best_run],
)
resumed_run = experiment.submit(resumed)
resumed_run.wait_for_completion()
assert len(resumed_run.get_hyperparameters()) == 2
assert resumed_run.get_best_run_by_primary_metric() is not None

# What is read of runs that a program has logged as if they were a sweep.
metric = json.dumps({"name": "accuracy", "goal": "maximize"})
parent = experiment.start_logging(snapshot_directory=None, tags={"primary_metric_config": metric})
for number, accuracies in enumerate([[0.5, 0.7], [0.9, 0.8], []]):
    with parent.child_run(name=f"try {number}") as child:
        child.tag("hyperparameters", json.dumps({"--batch-size": 16 * (number + 1)}))
        for accuracy in accuracies:
            child.log("accuracy", accuracy)
parent.complete()
sweep = HyperDriveRun(experiment, parent.id, hyperdrive_config=config)
assert sweep.hyperdrive_config is config
best = sweep.get_best_run_by_primary_metric()
assert best.get_metrics()["accuracy"] == [0.9, 0.8]
ranked = sweep.get_children_sorted_by_primary_metric()
assert [row["best_primary_metric"] for row in ranked] == [0.9, 0.7, None]
assert json.loads(ranked[0]["hyperparameters"]) == {"--batch-size": 32}
assert len(sweep.get_children_sorted_by_primary_metric(top=1, reverse=True, discard_no_metric=True)) == 1
assert json.loads(sweep.get_hyperparameters()[best.id]) == {"--batch-size": 32}
assert sweep.get_metrics()[best.id] == {"accuracy": [0.9, 0.8]}
assert {run.id for run in sweep.get_children()} == set(sweep.get_metrics())

try:
    sweep.get_diagnostics()
except AzureMLException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a sweep has diagnostics")

print("tune: all cells ran")
