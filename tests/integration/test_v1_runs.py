"""Runs and run configurations as programs for SDK v1 use them, where v1 allowed more than its documentation says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Dataset, Experiment, RunConfiguration, ScriptRunConfig, Workspace

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


def test_a_configuration_file_with_data_is_submitted(experiment: Experiment) -> None:
    workspace = experiment.workspace
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
    experiment.submit(config).wait_for_completion()
    assert Dataset.get_by_name(workspace, "cleaned-weather").to_path() == ["/2026.csv"]
