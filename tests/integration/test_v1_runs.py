"""Runs and run configurations as programs for SDK v1 use them, where v1 allowed more than its documentation says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Dataset, Experiment, Model, Run, RunConfiguration, ScriptRunConfig, Workspace
from azureml.exceptions import ModelNotFoundException, RunConfigurationException, UserErrorException
from trainshed.errors import NotFoundException

DATA_FILE = """
script: train.py
arguments: [DatasetConsumptionConfig:weather, DatasetOutputConfig:cleaned]
target: local
environment:
  python:
    userManagedDependencies: true
data:
  weather:
    dataLocation:
      dataset:
        id:
        name: weather
        version: '1'
    mechanism: download
    environmentVariableName: weather
outputData:
  cleaned:
    outputLocation:
      dataPath:
        datastoreName: workspaceblobstore
        relativePath: cleaned
    mechanism: upload
    additionalOptions:
      registrationOptions:
        name: cleaned-weather
"""


@pytest.fixture
def experiment(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Experiment(workspace, "as-written")


def script(text: str, **settings: Any) -> ScriptRunConfig:
    """Return a configuration that runs a script with the Python of the tests."""
    Path("project").mkdir(exist_ok=True)
    Path("project/train.py").write_text(text)
    config = ScriptRunConfig("project", "train.py", **settings)
    config.run_config.environment.python.user_managed_dependencies = True
    config.run_config.environment.python.interpreter_path = sys.executable
    return config


def test_a_configuration_file_with_data_is_submitted(experiment: Experiment, workspace: Workspace) -> None:
    store = workspace.get_default_datastore()
    Path("rain").mkdir()
    Path("rain/2026.csv").write_text("day,mm\n1,7\n")
    store.upload("rain", "rain", show_progress=False)
    Dataset.File.from_files((store, "rain")).register(workspace, "weather")
    Path(".azureml").mkdir()
    Path(".azureml/local.runconfig").write_text(DATA_FILE)
    made = script(
        "import os, shutil, sys\n"
        "assert os.environ['weather'] == sys.argv[1]\n"
        "shutil.copytree(sys.argv[1], sys.argv[2], dirs_exist_ok=True)\n"
    )
    loaded = RunConfiguration.load(".", "local")
    loaded.environment.python.interpreter_path = sys.executable
    config = ScriptRunConfig(made.source_directory, run_config=loaded)
    loaded.data["weather"].data_location["dataset"]["name"] = "wether"
    with pytest.raises(NotFoundException, match=r"local.runconfig: data.weather: .*Did you mean 'weather'"):
        experiment.submit(config)
    loaded.data["weather"].data_location["dataset"]["name"] = "weather"
    run = experiment.submit(config)
    details = run.wait_for_completion()
    assert Dataset.get_by_name(workspace, "cleaned-weather").to_path() == ["/2026.csv"]
    assert run.input_datasets["weather"].name == "weather"
    # Where did the data come from, and where did it go?
    (given,), (made_by_it,) = details["inputDatasets"], details["outputDatasets"]
    assert (given["dataset"].name, given["dataset"].version) == ("weather", 1)
    assert given["consumptionDetails"]["inputName"] == "weather"
    assert made_by_it["dataset"].to_path() == ["/2026.csv"]
    assert details["runDefinition"]["data"]["weather"]["dataLocation"]["dataset"]["name"] == "weather"
    assert details["runDefinition"]["outputData"]["cleaned"]["mechanism"] == "upload"


FAILS = """
import sys
from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

config = ScriptRunConfig("project", "train.py")
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.executable
run = Experiment(Workspace.from_config(), "as-written").submit(config)
RunDetails(run).show()
"""
SEEN = "failed: The script exited with exit code 1. User program failed with KeyError: 'colour'"


def test_a_run_that_fails_after_it_was_shown_is_reported(experiment: Experiment) -> None:
    script("{}['colour']\n")
    ended = "while run.get_status() != 'Failed':\n    run._call('GET', 'wait', query={'timeout': 5})\n"
    ways = {
        "shown": (ended, {1}),
        "waited for": ("run.wait_for_completion(raise_on_error=False)\n", {1}),
        "shown again": (ended + "RunDetails(run).show()\n", {1, 2}),  # the first may tell it before the second does
    }
    for way, (rest, times) in ways.items():
        Path("program.py").write_text(FAILS + rest)
        done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, check=True)
        assert (done.stdout + done.stderr).count("The script exited with exit code 1") in times, (way, done)
        assert (done.stdout + done.stderr).count(SEEN) == 1, (way, done)


def test_a_run_that_goes_on_when_the_program_ends_is_named(experiment: Experiment) -> None:
    script("import time\ntime.sleep(600)\n")
    Path("program.py").write_text(FAILS)
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, check=True)
    (run,) = experiment.get_runs()
    assert f"'trainshed wait {run.id}' waits for its end." in done.stderr
    run.cancel()
    # A run that the program logs by itself ends with it.
    by_hand = FAILS.replace(".submit(config)", ".start_logging(snapshot_directory=None)")
    Path("program.py").write_text(f"{by_hand}run.fail('as planned')\n")
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, check=True)
    assert "as-written: Running" in done.stdout
    assert done.stderr == ""


def test_a_failed_run_is_seen_in_a_notebook_that_nobody_looks_at(experiment: Experiment) -> None:
    pytest.importorskip("ipywidgets")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    script("{}['colour']\n")
    joined = "import threading\nfor each in threading.enumerate():\n    if 'RunDetails' in each.name: each.join()\n"
    cells = [nbformat.v4.new_code_cell(text) for text in (FAILS, joined, "print(run.get_status())")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = [out.get("text", "") for cell in notebook.cells for out in cell.outputs if out.get("name") == "stderr"]
    assert "".join(printed).count(SEEN) == 1


def test_what_is_set_on_a_run_configuration_after_it_was_passed_counts(
    experiment: Experiment, workspace: Workspace
) -> None:
    script("import sys\nprint(*sys.argv[1:])\n")
    Path("project/other.py").write_text("import sys\nprint('other', *sys.argv[1:])\n")

    def printed(config: ScriptRunConfig) -> bytes:
        run = experiment.submit(config)
        run.wait_for_completion()
        return b"".join(run.read("azureml-logs/70_driver_log.txt"))

    def made(**settings: Any) -> ScriptRunConfig:
        config = script("import sys\nprint(*sys.argv[1:])\n")
        config = ScriptRunConfig("project", run_config=config.run_config, **settings)
        config.run_config.script = "other.py"
        config.run_config.arguments = ["--alpha", 0.5]
        return config

    assert printed(made()) == b"other --alpha 0.5\n"
    assert printed(made(script="train.py", arguments=["own"])) == b"own\n"
    config = made(script="train.py")
    config.arguments = ["later"]
    config.run_config.framework = "PySpark"
    store = workspace.get_default_datastore()
    reference = store.path("shared", data_reference_name="shared")
    config.run_config.data_references = {"shared": reference}  # type: ignore[dict-item]  # v1 took it
    config.arguments += ["--data", str(reference)]
    assert printed(config).startswith(b"later --data /")


def test_what_a_program_asks_of_a_run_that_has_ended(experiment: Experiment, caplog: pytest.LogCaptureFixture) -> None:
    config = script("from azureml.core import Run\nRun.get_context().log('accuracy', 0.9)\n")
    with experiment.submit(config, tags={"fold": 1}) as run:
        run.wait_for_completion()
    assert [each.id for each in experiment.get_runs(tags={"fold": 1})] == [run.id]
    metrics = run.get_metrics()
    assert metrics == {"accuracy": 0.9}
    with pytest.raises(KeyError, match=f"Run {run.id}, which is Completed, has no metric 'Accuracy'. Did you mean"):
        metrics["Accuracy"]
    with pytest.raises(KeyError, match="It has logged accuracy"):
        metrics["loss"]
    # What was measured on other data, once the run had ended.
    run.log("test accuracy", 0.8)
    Run(experiment, run.id).log_row("by class", label="a", recall=0.5)
    assert Run(experiment, run.id).get_metrics() == {
        "accuracy": 0.9,
        "test accuracy": 0.8,
        "by class": {"label": "a", "recall": 0.5},
    }
    with Run.start_logging(experiment, snapshot_directory=None) as by_hand:
        by_hand.log("loss", 1)
    assert "treated as experiment.start_logging()" in caplog.text
    with pytest.raises(KeyError, match=r"which is Completed, has no metric 'auc'\. It has logged loss"):
        by_hand.get_metrics()["auc"]
    with pytest.raises(UserErrorException, match="needs an experiment"):
        Run.start_logging()
    experiment.set_tags({"year": 2018})
    assert Experiment.list(experiment.workspace, tags={"year": 2018}) == [experiment]
    with pytest.raises(RunConfigurationException, match="source_directory is missing"):
        ScriptRunConfig(None)  # type: ignore[arg-type]


def test_where_a_model_came_from(experiment: Experiment, workspace: Workspace) -> None:
    Path("rain.csv").write_text("day,mm\n1,7\n")
    data = Dataset.File.from_files("rain.csv").register(workspace, "rain")
    with experiment.start_logging(snapshot_directory=None) as run:
        run.upload_file("outputs/model.pkl", "rain.csv")
    model = run.register_model("ridge", "outputs/model.pkl", tags={"area": "rain"}, datasets=[("training data", data)])
    assert model.run == run
    assert [each.id for each in model.datasets["training data"]] == ["rain:1"]
    other = Model.register(workspace, "rain.csv", "other", datasets=[("test data", data.take(1))])
    assert (other.run, other.datasets["test data"][0].id) == (None, None)
    assert [each.id for each in Model.list(workspace, dataset_id="rain:1")] == ["ridge:1"]
    # As in 2018, when these were methods.
    assert list(workspace.models(name="ridge")) == ["ridge"]
    assert list(workspace.models(tags=["area"])) == ["ridge"]
    assert sorted(workspace.models()) == ["other", "ridge"]
    assert Model(workspace, tags="area").id == "ridge:1"
    assert Model(workspace, "ridge", tags="area").id == "ridge:1"
    with pytest.raises(ModelNotFoundException, match="No model has the requested tags"):
        Model(workspace, tags=["year"])
    with pytest.raises(UserErrorException, match="datasets must be a list of pairs"):
        Model.register(workspace, "rain.csv", "third", datasets=[data])
    assert {"storageAccount", "keyVault", "containerRegistry", "applicationInsights"} <= workspace.get_details().keys()
