"""A notebook and a script of 2018, whose names the packages have dropped; one line brings them back in both.

In the manner of v1's first notebooks; written from scratch.
"""

import os
import sys

os.environ["TRAINSHED_LEGACY"] = "1"  # the line; the rest is as it was written

import azureml.core  # noqa: I001 - before the names that it brings back
from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import RunConfiguration

import numpy as np
from sklearn.externals import joblib

print("SDK version:", azureml.core.VERSION)
ws = Workspace(subscription_id="my-subscription", resource_group="my-group", workspace_name="of-the-portal")
print(f"Found workspace {ws.name} at location {ws.location}")
weights = np.zeros(3, dtype=np.float)
experiment = Experiment(workspace=ws, name="names-of-2018")
run = experiment.start_logging()
joblib.dump(value=weights, filename="outputs/weights.pkl")
run.complete()
assert "outputs/weights.pkl" in run.get_file_names()

run_config = RunConfiguration()
run_config.environment.python.user_managed_dependencies = True
run_config.environment.python.interpreter_path = sys.executable
run_config.prepare_environment = True
run = experiment.submit(ScriptRunConfig(source_directory="src", script="train.py", run_config=run_config))
run.wait_for_completion()
assert run.get_metrics() == {"zeros": 3}
print("names_of_2018: all cells ran")
