"""The first program, line for line with SDK v1's imports (``trainshed[azureml]``)."""

import os
import tempfile

import joblib
from sklearn.datasets import load_diabetes

from azureml.core import Experiment, Workspace
from azureml.train.estimator import Estimator

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="diabetes")
compute_target = "local"

# Real data, written out as files and uploaded to the workspace's default datastore.
X, y = load_diabetes(return_X_y=True)
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "features.csv"), "w") as file:
        file.writelines(",".join(map(repr, row)) + "\n" for row in X.tolist())
    with open(os.path.join(folder, "target.csv"), "w") as file:
        file.writelines(f"{value!r}\n" for value in y.tolist())
    ws.get_default_datastore().upload(folder, target_path="diabetes", overwrite=True)

ds = ws.get_default_datastore()
est = Estimator(
    source_directory="./my-sklearn-proj",
    script_params={"--data-folder": ds.as_mount(), "--regularization": 0.8},
    compute_target=compute_target,
    entry_script="train.py",
    conda_packages=["scikit-learn"],
)
run = experiment.submit(est)
run.wait_for_completion(show_output=True)

print(run.get_details().status)
print(run.get_metrics())
with tempfile.TemporaryDirectory() as folder:
    run.download_file(name="outputs/my_output_file", output_file_path=os.path.join(folder, "my_destination_path"))
    model = joblib.load(os.path.join(folder, "my_destination_path"))
print(f"The downloaded model predicts {model.predict(X[:1])[0]:.1f} for the first patient, who had {y[0]:.1f}.")
