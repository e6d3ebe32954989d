"""Train in a notebook or a plain Python program, and keep what comes of it as a run.

In the manner of v1's "train within notebook" tutorial; written from scratch.
"""

import os
import zipfile

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from azureml.core import Experiment, Run, Workspace
from azureml.core.model import Model
from azureml.exceptions import SnapshotException

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="train-within-notebook")

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

# One run: this folder is its snapshot, ./outputs its files.
run = experiment.start_logging(
    outputs="outputs", snapshot_directory=".", display_name="ridge by hand", tags={"by": "me"}
)
assert run.get_status() == "Running"
assert run.type is None
assert run.get_tags()["by"] == "me"
alpha = 0.03
model = Ridge(alpha=alpha).fit(X_train, y_train)
run.log("alpha", alpha)
run.log("mse", mean_squared_error(y_test, model.predict(X_test)))
os.makedirs("outputs", exist_ok=True)
joblib.dump(model, "outputs/model.pkl")
assert run.get_metrics()["alpha"] == 0.03
run.complete()
assert run.get_status() == "Completed"
assert run.get_details()["endTimeUtc"] is not None
assert "target" not in run.get_details()
assert "outputs/model.pkl" in run.get_file_names()
assert "program.py" in zipfile.ZipFile(run.restore_snapshot(path="snapshot")).namelist()

# Many runs, each in a block: their models are uploaded one by one.
for number in range(1, 4):
    with experiment.start_logging(snapshot_directory=None) as each:
        alpha = number / 10
        model = Ridge(alpha=alpha).fit(X_train, y_train)
        each.log(name="alpha", value=alpha)
        each.log(name="mse", value=mean_squared_error(y_test, model.predict(X_test)))
        joblib.dump(model, "model.pkl")
        each.upload_file(name=f"outputs/model_{number}.pkl", path_or_stream="model.pkl")
        print("What a block prints is kept.")
assert "logs/user_log.txt" in each.get_file_names()
each.download_file("logs/user_log.txt", "user_log.txt")
assert "What a block prints is kept." in open("user_log.txt").read()

# The best of them.
runs = {r.id: r.get_metrics() for r in experiment.get_runs() if r.id != run.id}
assert len(runs) == 3
best_id = min(runs, key=lambda run_id: runs[run_id]["mse"])
best_run = Run(experiment, best_id)
assert best_run.get_metrics() == runs[best_id]
name = next(name for name in best_run.get_file_names() if name.startswith("outputs/"))
registered = best_run.register_model(model_name="best_ridge", model_path=name, tags={"alpha": "best"})
assert isinstance(registered, Model)
assert (registered.name, registered.version) == ("best_ridge", 1)

# A snapshot by hand; there is one to a run.
late = experiment.start_logging(snapshot_directory=None)
assert late.get_snapshot_id() is None
late.take_snapshot("./outputs")
assert late.get_snapshot_id() is not None
try:
    late.take_snapshot("./outputs")
except SnapshotException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a second snapshot was taken")
late.complete()
# Programs of 2019 took the only one themselves; later releases took one when a run was started.
early = experiment.start_logging()
first = early.get_snapshot_id()
assert early.take_snapshot("./outputs") == early.get_snapshot_id() != first
early.complete()

print("interactive_run: all cells ran")
