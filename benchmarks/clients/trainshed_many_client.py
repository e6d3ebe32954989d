"""Start the script as ranks or in a container. Arguments: project folder, mark file, how many ranks or an image."""

import os
import sys
import time

from trainshed import Estimator, Experiment, Workspace

folder, mark, what = sys.argv[1:]
more = (
    {"process_count_per_node": int(what), "distributed_backend": "mpi"}
    if what.isdigit()
    else {"custom_docker_image": what}
)
estimator = Estimator(
    folder, entry_script="train.py", script_params={mark: ""}, compute_target="local", user_managed=True, **more
)
if not what.isdigit():
    shared = os.path.dirname(mark)
    estimator.run_config.environment.docker.arguments = [f"--volume={shared}:{shared}"]
else:
    estimator.run_config.environment.python.interpreter_path = sys.executable
Experiment(Workspace.from_config(), "bench").submit(estimator).wait_for_completion()
with open(mark, "a") as file:
    file.write(f"seen {time.time()!r}\n")
