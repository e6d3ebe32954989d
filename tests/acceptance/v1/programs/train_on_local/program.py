"""Train on the local computer: a script with a helper module beside it, in the Python that is there.

In the manner of v1's "train on local compute" tutorial; written from scratch.
"""

import os
import sys
import zipfile

import joblib

from azureml.core import Environment, Experiment, Run, RunConfiguration, ScriptRunConfig, Workspace, get_run
from azureml.core.script_run import ScriptRun
from azureml.exceptions import ActivityFailedException, UserErrorException

# Workspace and experiment.
ws = Workspace.from_config()
print(ws.name, ws.resource_group, ws.location, ws.subscription_id, sep="\n")
experiment = Experiment(workspace=ws, name="train-on-local")
assert experiment.workspace == ws
assert "train-on-local" in str(experiment)

# An environment that is managed by the user: the packages are there already.
user_managed_env = Environment("user-managed-env")
user_managed_env.python.user_managed_dependencies = True
user_managed_env.python.interpreter_path = sys.executable

src = ScriptRunConfig(source_directory="./src", script="train.py", arguments=["--alphas", 0.1, 0.4, 0.8])
src.run_config.environment = user_managed_env
assert src.run_config.target == "local"
assert src.run_config.framework == "Python"
run = experiment.submit(config=src, tags={"model": "ridge"})
assert isinstance(run, ScriptRun)
assert isinstance(run, Run)
assert run.id.startswith("train-on-local_")

details = run.wait_for_completion(show_output=True)
assert details["status"] == details.status == "Completed"
assert details["runId"] == run.id
assert details["target"] == "local"
assert details["startTimeUtc"] <= details["endTimeUtc"]
assert details["runDefinition"]["script"] == "train.py"
assert details["properties"]["ContentSnapshotId"] == run.get_snapshot_id()

# What the run is.
assert run.type == "azureml.scriptrun"
assert run.number == 1
assert run.parent is None
assert run.experiment.name == experiment.name
assert run.get_status() == run.status == "Completed"
assert run.get_detailed_status()["status"] == "Completed"
assert run.tags == {"model": "ridge"}
assert run.name == run.display_name
run.display_name, run.description = "the first ridge", "three alphas"
assert (run.display_name, run.description) == ("the first ridge", "three alphas")
assert run.id in str(run)
assert run.id in run._repr_html_()
assert run.get_portal_url().startswith("http")
assert Run.get_docs_url().startswith("http")
assert run.get_environment().name == "user-managed-env"

# Metrics: logged three times each, so lists; the best of them once, so a number.
metrics = run.get_metrics()
assert metrics["alpha"] == [0.1, 0.4, 0.8]
assert len(metrics["mse"]) == 3
assert metrics["best_alpha"] == metrics["alpha"][metrics["mse"].index(min(metrics["mse"]))]
assert run.get_metrics(name="best_alpha") == {"best_alpha": metrics["best_alpha"]}
assert run.get_metrics(name="no such metric") == {}
assert run.get_metrics(recursive=True)[run.id] == metrics

# Files.
names = run.get_file_names()
assert names == sorted(names)
assert {"outputs/ridge_0.10.pkl", "outputs/ridge_0.40.pkl", "outputs/ridge_0.80.pkl"} <= set(names)
assert "logs/progress.txt" in names
assert {"azureml-logs/70_driver_log.txt", "user_logs/std_log.txt"} <= set(names)
run.download_file("outputs/ridge_0.40.pkl", output_file_path="models/")
assert joblib.load("models/ridge_0.40.pkl").alpha == 0.4
run.download_file("outputs/ridge_0.80.pkl")
assert os.path.isfile("ridge_0.80.pkl")
run.download_files(prefix="outputs", output_directory="all")
assert sorted(os.listdir("all/outputs")) == ["ridge_0.10.pkl", "ridge_0.40.pkl", "ridge_0.80.pkl"]
run.download_files(prefix="outputs", output_directory="flat", append_prefix=False)
assert "ridge_0.10.pkl" in os.listdir("flat")
try:
    run.download_file("outputs/no-such-file.pkl")
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a file that is not there was downloaded")

# Logs.
assert "alpha is 0.10" in run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
os.makedirs("logs-of-the-run")
paths = run.get_all_logs(destination="logs-of-the-run")
assert any("alpha is 0.80" in open(path).read() for path in paths)

# The snapshot is what was sent: both modules, and not what .amlignore leaves out.
zipped = run.restore_snapshot(path="snapshot")
assert {"train.py", "mylib.py"} <= set(zipfile.ZipFile(zipped).namelist())
assert "notes.txt" not in zipfile.ZipFile(zipped).namelist()

# The run again, by its id.
assert get_run(experiment, run.id) == Run(experiment, run.id) == ws.get_run(run.id) == Run.get(ws, run.id)
assert [each.id for each in experiment.get_runs()] == [run.id]
run.clean()
assert run.get_metrics() == metrics

# The same by a run configuration that is kept in a file.
os.makedirs("kept")
run_config = RunConfiguration()
run_config.environment = user_managed_env
run_config.environment_variables["STOP_AFTER"] = "1"
run_config.save(path="kept", name="local-again")
loaded = RunConfiguration.load(path="kept", name="local-again")
assert loaded.environment.python.interpreter_path == sys.executable
again = experiment.submit(ScriptRunConfig("./src", "train.py", ["--alphas", 0.1, 0.4], run_config=loaded))
again.wait_for_completion()
assert again.get_metrics()["alpha"] == 0.1
assert again.number == 2
assert [each.id for each in experiment.get_runs()] == [again.id, run.id]
RunConfiguration.delete(path="kept", name="local-again")

# A command in place of a script, for at most a minute.
said = experiment.submit(
    ScriptRunConfig("./src", command=[sys.executable, "-c", "print(6 * 7)"], max_run_duration_seconds=60)
)
said.wait_for_completion()
assert "42" in said.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]

# A script that fails says why, and where.
bad = experiment.submit(ScriptRunConfig("./src", "train.py", ["--alphas", "no number"], environment=user_managed_env))
try:
    bad.wait_for_completion()
except ActivityFailedException as error:
    assert "no number" in str(error)
else:
    raise AssertionError("a failed run did not raise")
assert bad.wait_for_completion(raise_on_error=False)["status"] == "Failed"
assert bad.get_details()["error"]["error"]["code"] == "UserError"

# A script that is not there is found out before anything runs.
try:
    experiment.submit(ScriptRunConfig("./src", "trian.py", environment=user_managed_env))
except UserErrorException as error:
    assert "train.py" in error.message
else:
    raise AssertionError("a script that is not there was submitted")

print("train_on_local: all cells ran")
