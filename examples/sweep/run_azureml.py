"""The sweep, line for line with SDK v1's imports (``trainshed[azureml]``)."""

import os

from azureml.core import Experiment, Workspace
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    loguniform,
)

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="iris")
estimator = Estimator(
    source_directory="./my-svm-proj",
    compute_target="local",
    entry_script="train.py",
    conda_packages=["scikit-learn"],
)
config = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=RandomParameterSampling(
        {"--kernel": choice("linear", "rbf", "poly", "sigmoid"), "--penalty": loguniform(-3, 3)}, {"seed": 1}
    ),
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=8,
    max_concurrent_runs=2,
    policy=BanditPolicy(slack_factor=0.2, evaluation_interval=1, delay_evaluation=2),
)
run = experiment.submit(config)
run.wait_for_completion(show_output=True)

best = run.get_best_run_by_primary_metric()
arguments = best.get_details()["runDefinition"]["arguments"]
print(f"{len(run.get_children_sorted_by_primary_metric())} runs: {run.get_status()}")
print(f"The best accuracy is {max(best.get_metrics()['accuracy']):.3f}, with {' '.join(arguments)}")
