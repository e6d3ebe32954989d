"""Training scripts of SDK v1 that use more than the run, under every Python that they were written for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pythons import interpreter

from trainshed import Dataset, Estimator, Experiment, Model, RunConfiguration, ScriptRunConfig, SKLearn, Workspace
from trainshed.environments.interpreters import everything
from trainshed.errors import ActivityFailedException, UserErrorException

VERSIONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
TRAIN = """
import argparse
import os
import sys

from azureml.core import Dataset, Datastore, Experiment, Model, Run, Workspace
from azureml.core.dataset import Dataset as SameDataset
from azureml.core.run import Run as SameRun
from azureml.data import FileDataset, TabularDataset
from azureml.exceptions import UserErrorException
from azureml.train.estimator import Estimator

parser = argparse.ArgumentParser()
parser.add_argument("--by-id")
parser.add_argument("--mounted")
args, _ = parser.parse_known_args()

run = Run.get_context()
ws = run.experiment.workspace
assert SameRun is Run and SameDataset is Dataset and isinstance(ws, Workspace)

whole = run.input_datasets["direct"]
assert isinstance(whole, FileDataset), whole
assert sorted(whole.to_path()) == ["/a.txt", "/b.txt"], whole.to_path()
paths = whole.download(target_path="here", overwrite=True)
assert [open(path).read() for path in sorted(paths)] == ["A", "B"]
assert Dataset.get_by_id(ws, id=args.by_id).name == "letters"
assert Dataset.get_by_name(ws, name="letters").take(1).to_path() == ["/a.txt"]
assert sorted(os.listdir(args.mounted)) == ["a.txt", "b.txt"]
assert isinstance(run.input_datasets["table"], TabularDataset)
assert "letters" in Dataset.get_all(ws) and ws.datasets["letters"].version == 1

store = Datastore.get(ws, "workspaceblobstore")
assert store.name == ws.get_default_datastore().name
with open("note.txt", "w") as file:
    file.write("from the script")
store.upload_files(["note.txt"], target_path="notes", overwrite=True, show_progress=False)
store.download("back", prefix="notes", show_progress=False)
assert open("back/notes/note.txt").read() == "from the script"

before = Model(ws, "before")
assert open(before.download(target_dir="models", exist_ok=True)).read() == "old"
assert os.path.exists(Model.get_model_path("before", _workspace=ws))

os.makedirs("outputs", exist_ok=True)
with open("outputs/model.pkl", "w") as file:
    file.write("new")
run.upload_file("extra/model.pkl", "outputs/model.pkl")
run.register_model("uploaded", model_path="extra/model.pkl")
after = run.register_model("after", model_path="outputs/model.pkl", tags={"python": "%d.%d" % sys.version_info[:2]})
assert (after.name, after.version) == ("after", 1)

with run.child_run("one") as child:
    child.log("loss", 0.5)
for number, child in enumerate(run.create_children(tag_key="fold", tag_values=["x", "y"])):
    child.log("fold", number)
    child.complete()
assert len(list(run.get_children())) == 3
assert run.parent is None and run.get_secret("word") == "hush"
assert [other.id for other in Experiment(ws, "tags").get_runs()] == []
try:
    Model(ws, "missing")
except Exception as error:
    assert "missing" in str(error), error
run.tag("state", "done")
run.log("minor", sys.version_info[1])
"""


@pytest.mark.parametrize(("version", "target"), [*((version, "local") for version in VERSIONS), ("3.6", "far")])
def test_a_script_uses_datasets_models_and_child_runs(
    version: str, target: str, workspace: Workspace, project: Path, tmp_path: Path
) -> None:
    if target == "far":  # another machine, of which scripts reach the service by its address
        reach = tmp_path / "reach"
        reach.write_text(f'exec env TRAINSHED_HOME={tmp_path / "far"} sh -c "$1"\n')
        workspace.connection.call("PUT", "/targets/far", {"kind": "remote", "connect": ["sh", str(reach)]})
    for name in ("a", "b"):
        (tmp_path / "letters" / f"{name}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / "letters" / f"{name}.txt").write_text(name.upper())
    (tmp_path / "old.pkl").write_text("old")
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    Model.register(workspace, str(tmp_path / "old.pkl"), "before")
    workspace.get_default_keyvault().set_secret("word", "hush")
    store = workspace.get_default_datastore()
    store.upload(str(tmp_path / "letters"), "letters", show_progress=False)
    letters = Dataset.File.from_files((store, "letters")).register(workspace, "letters")
    table = Dataset.Tabular.from_delimited_files(str(tmp_path / "table.csv"))
    (project / "train.py").write_text(TRAIN)
    config = RunConfiguration()
    config.target = target
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = interpreter(version)
    arguments = ["--by-id", letters.as_named_input("direct"), "--mounted", letters.as_named_input("all").as_mount()]
    submitted = ScriptRunConfig(str(project), "train.py", [*arguments, table.as_named_input("table")], config)
    run = Experiment(workspace, "old").submit(submitted)
    run.wait_for_completion()
    assert run.get_metrics() == {"minor": int(version.split(".")[1])}
    assert Model(workspace, "after").tags == {"python": version}
    children = {child.tags.get("fold", "one"): child for child in run.get_children()}
    assert {name: child.status for name, child in children.items()} == dict.fromkeys(("one", "x", "y"), "Completed")
    assert children["one"].get_metrics() == {"loss": 0.5}


TABLES = """
from azureml.core import Dataset, Run, ScriptRunConfig
from azureml.core.runconfig import RunConfiguration
import os, sys
run = Run.get_context()
if not run.parent:
    frame = run.input_datasets["table"].to_pandas_dataframe()
    assert list(frame["x"]) == [1, 3], frame
    table = Dataset.get_by_name(run.experiment.workspace, "numbers")
    assert table.take(1).to_pandas_dataframe().shape == (1, 2)
    first, second = table.random_split(0.5, seed=1)
    assert len(first.to_pandas_dataframe()) + len(second.to_pandas_dataframe()) == 2
    run.log("rows", len(frame))
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = sys.executable
    child = run.submit_child(ScriptRunConfig(".", "train.py", run_config=config))
    child.wait_for_completion()
    assert child.get_metrics() == {"child": 1}
else:
    run.log("child", 1)
"""


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9"])
def test_a_script_reads_tables_and_submits_child_runs(
    version: str, workspace: Workspace, project: Path, tmp_path: Path
) -> None:
    interpreter(version)  # skips the test
    (tmp_path / "table.csv").write_text("x,y\n1,2\n3,4\n")
    store = workspace.get_default_datastore()
    store.upload_files([str(tmp_path / "table.csv")], target_path="tables", show_progress=False)
    table = Dataset.Tabular.from_delimited_files((store, "tables/table.csv")).register(workspace, "numbers")
    (project / "train.py").write_text(TABLES)
    packages = [f"python={version}", "pandas"]
    estimator = Estimator(
        str(project),
        compute_target="local",
        entry_script="train.py",
        conda_packages=packages,
        inputs=[table.as_named_input("table")],
    )
    run = Experiment(workspace, "tables").submit(estimator)
    run.wait_for_completion()
    assert run.get_metrics() == {"rows": 2}


def test_the_framework_of_that_year_on_its_python(workspace: Workspace, project: Path) -> None:
    interpreter("3.6")  # skips the test
    (project / "train.py").write_text(
        "import sklearn\nfrom sklearn.externals import joblib\nfrom azureml.core import Run\n"
        "Run.get_context().log('version', sklearn.__version__)\n"
    )
    estimator = SKLearn(
        str(project), compute_target="local", entry_script="train.py", conda_packages=["python=3.6.2", "scipy"]
    )
    run = Experiment(workspace, "sklearn").submit(estimator)
    run.wait_for_completion()
    assert run.get_metrics() == {"version": "0.20.3"}
    (note,) = [each["message"] for each in run.get_details()["warnings"] if "Python" in each["message"]]
    assert note.startswith("Python 3.6.2 is not on this node; Python 3.6.")


MLFLOW = """
import mlflow
print("mlflow", mlflow.__version__)
with mlflow.start_run() as active:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("hello", "sub/notes.txt")
    client = mlflow.tracking.MlflowClient()
    assert [each.path for each in client.list_artifacts(active.info.run_id, "sub")] == ["sub/notes.txt"]
    assert open(client.download_artifacts(active.info.run_id, "sub/notes.txt")).read() == "hello"
    client.create_registered_model("notes")
    client.create_model_version("notes", mlflow.get_artifact_uri("sub"), active.info.run_id)
"""


def test_the_last_mlflow_for_that_python_logs_files(workspace: Workspace, project: Path) -> None:
    """It sends no token with files."""
    interpreter("3.6")
    (project / "train.py").write_text(MLFLOW)
    config = ScriptRunConfig(str(project), "train.py")
    dependencies = config.run_config.environment.python.conda_dependencies
    dependencies.set_python_version("3.6")
    for package in ("mlflow-skinny==1.23.1", "setuptools<81"):
        dependencies.add_pip_package(package)
    run = Experiment(workspace, "mlflow").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": 0.5}
    assert "sub/notes.txt" in run.get_file_names()
    assert Model(workspace, "notes").run_id == run.id


def test_a_python_that_cannot_be_had(workspace: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "train.py").write_text(
        "import sys\nfrom azureml.core import Run\nRun.get_context().log('minor', sys.version_info[1])\n"
    )
    estimator = Estimator(
        str(project), compute_target="local", entry_script="train.py", conda_packages=["python=3.5.2"]
    )
    experiment = Experiment(workspace, "pythons")
    with pytest.raises(ActivityFailedException, match=r"Python 3\.5\.2 is not.*set TRAINSHED_PYTHON=nearest where you"):
        experiment.submit(estimator).wait_for_completion()
    monkeypatch.setenv("TRAINSHED_PYTHON", "nearest")
    run = experiment.submit(estimator)
    run.wait_for_completion()
    assert run.get_metrics() == {"minor": min(one.version[1] for one in everything() if one.version[0] == 3)}
    assert any(
        "Python 3.5.2 is not on this node; Python 3." in each["message"] for each in run.get_details()["warnings"]
    )
    monkeypatch.setenv("TRAINSHED_PYTHON", "3.8")
    with pytest.raises(UserErrorException, match=r"TRAINSHED_PYTHON is '3\.8'\. It can be 'nearest'"):
        experiment.submit(estimator)
