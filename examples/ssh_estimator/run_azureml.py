"""The third program with SDK v1's names (``trainshed[azureml]``).

``python run_azureml.py ADDRESS PORT USER KEY_FILE``
"""

import os
import sys
import tempfile

import joblib
from sklearn.datasets import load_diabetes

from azureml.core import Experiment, Workspace
from azureml.core.compute import ComputeTarget, RemoteCompute
from azureml.core.compute_target import ComputeTargetException
from azureml.train.estimator import Estimator

here = os.path.dirname(os.path.abspath(__file__))
address, port, user, key_file = sys.argv[1:]
key_file = os.path.abspath(key_file)
os.chdir(here)

ws = Workspace.from_config()
try:
    attached = RemoteCompute(workspace=ws, name="box")
    print("Found existing:", attached.name)
except ComputeTargetException:
    attach_config = RemoteCompute.attach_configuration(
        address=address, ssh_port=int(port), username=user, private_key_file=key_file
    )
    attached = ComputeTarget.attach(ws, "box", attach_config)
    attached.wait_for_completion(show_output=True)

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
    compute_target=attached,
    entry_script="train.py",
    pip_packages=["scikit-learn"],
)
run = Experiment(workspace=ws, name="diabetes").submit(est)
run.wait_for_completion(show_output=True)

print(run.get_details()["status"])
print(run.get_metrics())
with tempfile.TemporaryDirectory() as folder:
    run.download_file(name="outputs/my_output_file", output_file_path=os.path.join(folder, "my_destination_path"))
    model = joblib.load(os.path.join(folder, "my_destination_path"))
print(f"The downloaded model predicts {model.predict(X[:1])[0]:.1f} for the first patient, who had {y[0]:.1f}.")
