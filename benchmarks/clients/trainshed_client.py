"""Start the script with Trainshed and wait for its end. Arguments: project folder, mark file, target."""

import sys
import time

from trainshed import Experiment, ScriptRunConfig, Workspace

experiment = Experiment(Workspace.from_config(), "bench")
target = sys.argv[3] if len(sys.argv) > 3 else "local"
config = ScriptRunConfig(sys.argv[1], script="train.py", arguments=[sys.argv[2]], compute_target=target)
config.run_config.environment.python.user_managed_dependencies = True
if target != "local":
    config.run_config.environment.python.interpreter_path = sys.executable
experiment.submit(config).wait_for_completion()
with open(sys.argv[2], "a") as file:
    file.write(f"seen {time.time()!r}\n")
