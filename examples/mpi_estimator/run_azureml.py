"""The second program, line for line with SDK v1's imports (``trainshed[azureml]``)."""

import os
import sys
import tempfile

import numpy as np
from sklearn.datasets import load_digits

from azureml.core import Experiment, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.train.estimator import Estimator

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="digits")
try:
    compute_target = ComputeTarget(workspace=ws, name="nodes")
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
    compute_target = ComputeTarget.create(ws, "nodes", config)
    compute_target.wait_for_completion()

# Real data, written out as files and uploaded to the workspace's default datastore.
pixels, labels = load_digits(return_X_y=True)
with tempfile.TemporaryDirectory() as folder:
    np.savetxt(os.path.join(folder, "pixels.csv"), pixels, fmt="%g", delimiter=",")
    np.savetxt(os.path.join(folder, "labels.csv"), labels, fmt="%d")
    ws.get_default_datastore().upload(folder, target_path="digits", overwrite=True)

ds = ws.get_default_datastore()
est = Estimator(
    source_directory="./my-mpi-proj",
    script_params={"--data-folder": ds.as_mount(), "--epochs": 40},
    compute_target=compute_target,
    entry_script="train.py",
    node_count=2,
    process_count_per_node=1,
    distributed_backend="mpi",
    pip_packages=["mpi4py", "numpy"],
    custom_docker_base_image=sys.argv[1] if len(sys.argv) > 1 else None,
)
run = experiment.submit(est)
run.wait_for_completion(show_output=True)

print(run.get_details().status)
print(f"accuracy {run.get_metrics()['accuracy']:.3f}")
with tempfile.TemporaryDirectory() as folder:
    run.download_file(name="outputs/model.npz", output_file_path=os.path.join(folder, "model.npz"))
    with np.load(os.path.join(folder, "model.npz")) as model:
        first, bias, second, last = (model[name] for name in model.files)
guess = (np.tanh(pixels[:1] / 16 @ first + bias) @ second + last).argmax()
print(f"The downloaded model takes the first digit for a {guess}; it is a {labels[0]}.")
