"""Train on a Slurm cluster: the same Estimator, with a cluster as its target.

Run it on a machine that has Slurm's commands: ``python run.py [PARTITION]``.
"""

import json
import os
import sys
import tempfile

from trainshed import Estimator, Experiment, SlurmCompute, Workspace

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
cluster = SlurmCompute.attach(ws, "cluster", partition=sys.argv[1] if len(sys.argv) > 1 else None, time=10)

est = Estimator(
    source_directory="./my-slurm-proj",
    script_params={"--steps": 200},
    compute_target=cluster,
    entry_script="train.py",
    user_managed=True,
)
run = Experiment(workspace=ws, name="line").submit(est)
run.wait_for_completion(show_output=True)

print(run.get_details().status)
metrics = run.get_metrics()
print(f"y = {metrics['slope']} x + {metrics['offset']}")
with tempfile.TemporaryDirectory() as folder:
    run.download_file(name="outputs/checkpoint.json", output_file_path=os.path.join(folder, "checkpoint.json"))
    with open(os.path.join(folder, "checkpoint.json")) as file:
        print(f"The last checkpoint is of step {json.load(file)['step']}.")
