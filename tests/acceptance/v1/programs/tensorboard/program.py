"""See in TensorBoard what a run writes to ./logs, and what runs logged.

In the manner of v1's "tensorboard" tutorials; written from scratch.
"""

import os
import socket
import sys
import urllib.request

from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.tensorboard import Tensorboard
from azureml.tensorboard.export import export_to_tensorboard

ws = Workspace.from_config()
experiment = Experiment(ws, "tensorboard")
src = ScriptRunConfig("./src", "train.py")
src.run_config.environment.python.user_managed_dependencies = True
src.run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(src)
run.wait_for_completion(show_output=True)

# What the run logged, as event files; they are not there until they are exported.
os.makedirs("exported")
export_to_tensorboard(run, "exported")
assert any(name.startswith("events.out") for _, _, names in os.walk("exported") for name in names)

# And what it wrote itself.
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
tb = Tensorboard([run], local_root="boards", port=port)
url = tb.start()
try:
    with urllib.request.urlopen(url) as page:
        assert page.status == 200
finally:
    tb.stop()

# Only what was exported.
tb = Tensorboard([], local_root="exported", port=port)
url = tb.start()
try:
    with urllib.request.urlopen(url + "data/runs") as answer:
        assert run.id in answer.read().decode()
finally:
    tb.stop()

print("tensorboard: all cells ran")
