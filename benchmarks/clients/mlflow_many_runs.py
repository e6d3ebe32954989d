"""Fills MLflow's store: mlflow_many_runs.py STORE RUNS METRICS. Prints the id of a run with that many metrics."""

import sys

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

client = MlflowClient(sys.argv[1])
experiment = client.create_experiment("many")
for number in range(int(sys.argv[2])):
    run = client.create_run(experiment, run_name=f"run {number}").info.run_id
    client.log_batch(
        run,
        [Metric("loss", 1 / (number + 1), 0, 0), Metric("accuracy", number / 1e4, 0, 0)],
        [Param("lr", str(number))],
    )
    client.set_terminated(run)
wide = client.create_run(experiment, run_name="wide").info.run_id
names = [f"layer{number}/norm" for number in range(int(sys.argv[3]))]
for step in range(3):
    for begin in range(0, len(names), 1000):
        client.log_batch(wide, [Metric(name, step / 3, 0, step) for name in names[begin : begin + 1000]])
client.set_terminated(wide)
print(experiment, wide)
