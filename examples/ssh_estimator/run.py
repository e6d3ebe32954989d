"""The third program: the first one's Estimator on another machine, which is reached over SSH.

``python run.py HOST``, with a host of your ssh configuration. Nothing has to be installed there; what the run needs is
brought. Written with Trainshed's own names; ``run_azureml.py`` beside it is the same with SDK v1's.
"""

import os
import sys
import tempfile

import joblib
from sklearn.datasets import load_diabetes

from trainshed import ComputeTarget, Estimator, Experiment, SshCompute, Workspace
from trainshed.errors import ComputeTargetException

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
try:
    compute_target = ComputeTarget(ws, "box")
except ComputeTargetException:
    compute_target = SshCompute.attach(ws, "box", sys.argv[1])

# Real data, on this machine. The run gets it there; what is there already is not sent again.
X, y = load_diabetes(return_X_y=True)
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "features.csv"), "w") as file:
        file.writelines(",".join(map(repr, row)) + "\n" for row in X.tolist())
    with open(os.path.join(folder, "target.csv"), "w") as file:
        file.writelines(f"{value!r}\n" for value in y.tolist())
    ws.get_default_datastore().upload(folder, target_path="diabetes", overwrite=True)

ds = ws.get_default_datastore()
est = Estimator(
    source_directory="../sklearn_estimator/my-sklearn-proj",
    script_params={"--data-folder": ds.as_mount(), "--regularization": 0.8},
    compute_target=compute_target,
    entry_script="train.py",
    pip_packages=["scikit-learn"],
)
run = Experiment(workspace=ws, name="diabetes").submit(est)
run.wait_for_completion(show_output=True)

print(run.get_details().status)
print(run.get_metrics())
with tempfile.TemporaryDirectory() as folder:
    run.download_file(name="outputs/my_output_file", output_file_path=os.path.join(folder, "my_destination_path"))
    model = joblib.load(os.path.join(folder, "my_destination_path"))
print(f"The downloaded model predicts {model.predict(X[:1])[0]:.1f} for the first patient, who had {y[0]:.1f}.")
