"""Start the script on a Slurm target. Arguments: project folder, mark file, Python, ``nodes`` or a number of runs."""

import sys
import time

from trainshed import Estimator, Experiment, Workspace

folder, mark, python, what = sys.argv[1:]
more = {"node_count": 2, "distributed_backend": "mpi"} if what == "nodes" else {}
estimator = Estimator(
    folder, entry_script="train.py", script_params={mark: ""}, compute_target="cluster", user_managed=True, **more
)
estimator.run_config.environment.python.interpreter_path = python
experiment = Experiment(Workspace.from_config(), "bench")
runs = [experiment.submit(estimator) for _ in range(int(what) if what.isdigit() else 1)]
if what.isdigit():
    with open(mark, "a") as file:
        file.write(f"submitted {time.time()!r}\n")
for run in runs:
    run.wait_for_completion()
with open(mark, "a") as file:
    file.write(f"seen {time.time()!r}\n")
