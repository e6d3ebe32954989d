"""A run's details as a notebook shows them; outside of one they are text.

In the manner of v1's tutorials, which end each submit with this; written from scratch.
"""

import sys

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

ws = Workspace.from_config()
src = ScriptRunConfig("./src", "train.py")
src.run_config.environment.python.user_managed_dependencies = True
src.run_config.environment.python.interpreter_path = sys.executable
run = Experiment(ws, "notebook").submit(src)
run.wait_for_completion()

assert RunDetails(run).show() is None
data = RunDetails(run_instance=run).get_widget_data()
assert isinstance(data, dict)
assert "Completed" in str(data)
assert "loss" in str(data)

print("notebook: all cells ran")
