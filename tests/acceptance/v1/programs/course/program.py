"""A day's course: log by hand, keep a model, train by a script and by estimators, look at what came of it.

In the manner of the courses and workshops that many authors wrote for v1; written from scratch.
"""

import contextlib
import io
import json
import os
import sys
import time

from azureml.core import Experiment, Model, Run, ScriptRunConfig, Workspace
from azureml.core.compute import ComputeTarget
from azureml.exceptions import ComputeTargetException
from azureml.train.dnn import PyTorch, TensorFlow
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import BanditPolicy, HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, choice
from azureml.train.sklearn import SKLearn
from azureml.widgets import RunDetails

# Setting up: the configuration goes to a folder of the course, which is not there yet.
ws = Workspace.from_config()
ws.write_config(path="./course_material", file_name="ws_config.json")
ws = Workspace.from_config(path="./course_material/.azureml/ws_config.json")
assert Workspace.setup() == ws
print("Ready to use", ws.name, ws.get_details()["storageAccount"])
for compute_name in ws.compute_targets:
    print("\t", compute_name, ":", ws.compute_targets[compute_name].type)
try:
    cpu_cluster = ComputeTarget(workspace=ws, name="cpu-cluster")
except ComputeTargetException:
    print("There is no cluster yet.")
try:
    ws.datastores["course_data"]
except KeyError as error:
    assert "workspaceblobstore" in str(error), error

# A first experiment in the notebook. The model is written straight to ./outputs.
experiment = Experiment(workspace=ws, name="course")
run = experiment.start_logging()
for alpha in (0.1, 0.2):
    run.log("alpha", alpha)
    run.log("mse", alpha * 2)
model_file = f"model_alpha_{alpha:.2f}.json"
with open(os.path.join("./outputs", model_file), "w", encoding="utf-8") as file:
    json.dump({"alpha": alpha}, file)
with open("./logs/notes.txt", "w", encoding="utf-8") as file:
    file.write("the smaller alpha was better\n")
run.upload_file(name="./outputs/" + "copy.json", path_or_stream=os.path.join("./outputs", model_file))
run.complete()
assert "outputs/" + model_file in run.get_file_names()
best = run.register_model(model_name="course_model", model_path="./outputs/copy.json", tags={"area": "course"})
run.download_file(name="./outputs/copy.json", output_file_path="./model.json")
assert best.run == run
assert ws.models["course_model"].tags["area"] == Model(ws, "course_model").tags["area"]


def this_python(config):
    """Run it with the Python of the course, which has what the scripts need."""
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = sys.executable
    return config


# A script. Its arguments are not known yet.
src = this_python(ScriptRunConfig(source_directory="./src", script="train.py"))
src.arguments = None
run = experiment.submit(src)
run.wait_for_completion(show_output=True)
assert run.get_metrics() == {"accuracy": 0.5}

# Manage runs: what was not worth it is marked as failed.
src.arguments = ["--seconds", 600]
run = experiment.submit(src)
run.fail(error_details="Not worth it")
print("Failed run status", run.get_status())
assert run.get_status() == "Failed"
run = experiment.submit(this_python(ScriptRunConfig("./src", "train.py")))
run.complete()
assert run.wait_for_completion()["status"] == "Completed"

# Folds are children of one run, and each tells its parent what it found.
parent = experiment.start_logging(snapshot_directory=None)
src.arguments = ["--fold", 1]
fold = parent.submit_child(src, tags={"fold": 1})
fold.wait_for_completion()
assert [each.id for each in parent.get_children(tags={"fold": 1})] == [fold.id]
assert parent.get_metrics() == {"accuracy of fold 1": 0.5}
parent.complete()
parent.log("mean accuracy", 0.5)
assert parent.get_metrics()["mean accuracy"] == 0.5

# A run that breaks while its widget is looked at. The next cells go on, and the course sees why it failed.
seen = io.StringIO()
with contextlib.redirect_stderr(seen), contextlib.redirect_stdout(seen):
    run = experiment.submit(this_python(ScriptRunConfig("./src", "train.py", arguments=["--break", "yes"])))
    RunDetails(run).show()
    while run.get_status() not in ("Completed", "Failed"):
        time.sleep(0.1)
    RunDetails(run).show()
assert "KeyError: 'colour'" in seen.getvalue(), seen.getvalue()
try:
    run.get_metrics()["Accuracy"]
except KeyError as error:
    assert "which is Failed" in str(error), error

# Estimators of each framework, each a candidate for tuning.
for estimator in (
    SKLearn(source_directory="./src", entry_script="train.py", compute_target="local"),
    PyTorch(source_directory="./src", entry_script="train.py", compute_target="local", framework_version="2.13.0"),
    TensorFlow(source_directory="./src", entry_script="train.py", compute_target="local", framework_version="2.20"),
    Estimator(source_directory="./src", entry_script="train.py", compute_target="local"),
):
    sweep = HyperDriveConfig(
        estimator=estimator,
        hyperparameter_sampling=RandomParameterSampling({"--seconds": choice(0, 0.1)}),
        policy=BanditPolicy(evaluation_interval=2, slack_factor=0.1),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=4,
        max_concurrent_runs=2,
    )
    assert sweep.estimator is estimator

# Which runs were there?
assert {each.get_status() for each in Run.list(experiment)} == {"Completed", "Failed"}
print("course: all cells ran")
