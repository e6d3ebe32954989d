"""Adds a run with many metrics to MLflow's store: mlflow_many_metrics.py STORE EXPERIMENT METRICS. Prints both ids."""

import sys

from mlflow import MlflowClient
from mlflow.entities import Metric

client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[2]).experiment_id
wide = client.create_run(experiment, run_name="wide").info.run_id
names = [f"layer{number}/norm" for number in range(int(sys.argv[3]))]
for step in range(3):
    for begin in range(0, len(names), 1000):
        client.log_batch(wide, [Metric(name, step / 3, 0, step) for name in names[begin : begin + 1000]])
client.set_terminated(wide)
print(experiment, wide)
