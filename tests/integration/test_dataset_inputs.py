"""Datasets that are given to scripts as v1's programs do it: by an argument, by a path on the node, by ``inputs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainshed import Dataset, Datastore, Environment, Estimator, Experiment, ScriptRunConfig, Workspace
from trainshed.errors import UserErrorException


@pytest.fixture
def env(this_python: str) -> Environment:
    made = Environment("this-python")
    made.python.user_managed_dependencies = True
    made.python.interpreter_path = this_python
    return made


@pytest.fixture
def store(workspace: Workspace, tmp_path: Path) -> Datastore:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text(folder)
        workspace.get_default_datastore().upload(str(tmp_path / folder), folder, show_progress=False)
    return workspace.get_default_datastore()


def completed(workspace: Workspace, config: Any) -> dict[str, Any]:
    run = Experiment(workspace, "inputs").submit(config)
    run.wait_for_completion()
    return dict(run.get_metrics())


def test_a_script_finds_a_dataset_by_the_argument_that_it_got(
    workspace: Workspace, store: Datastore, project: Path, env: Environment
) -> None:
    (project / "train.py").write_text(
        "import argparse\nfrom azureml.core import Dataset, Run\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--first'), parser.add_argument('--second')\nargs = parser.parse_args()\n"
        "run = Run.get_context()\nws = run.experiment.workspace\n"
        "for name, id in (('first', args.first), ('second', args.second)):\n"
        "    run.log(name, open(Dataset.get_by_id(ws, id=id).download(name)[0]).read())\n"
    )
    first = Dataset.File.from_files((store, "first/*.csv"))
    second = Dataset.File.from_files((store, "second/*.csv")).register(workspace, "second")
    arguments = ["--first", first.as_named_input("not_registered"), "--second", second.as_named_input("registered")]
    source = ScriptRunConfig(str(project), "train.py", arguments, environment=env)
    assert completed(workspace, source) == {"first": "first", "second": "second"}


@pytest.mark.own_folder
def test_a_folder_on_the_node_has_the_files_of_the_latest_run(
    workspace: Workspace, store: Datastore, project: Path, env: Environment, tmp_path: Path
) -> None:
    (project / "train.py").write_text(
        "import os, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "run.log('read', open(os.path.join(sys.argv[1], 'a.csv')).read())\n"
    )
    for folder in ("first", "second"):
        mounted = Dataset.File.from_files((store, f"{folder}/*")).as_mount(str(tmp_path / "mounted"))
        source = ScriptRunConfig(str(project), "train.py", [mounted], environment=env)
        assert completed(workspace, source) == {"read": folder}


def test_inputs_need_no_argument(workspace: Workspace, store: Datastore, project: Path, env: Environment) -> None:
    (project / "train.py").write_text(
        "import os\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "def read(folder): return open(os.path.join(folder, 'a.csv')).read()\n"
        "run.log('mounted', read(run.input_datasets['mounted']))\n"
        "run.log('copied', read('here') + read(os.environ['AZURE_ML_INPUT_copied']))\n"
        "run.log('reference', read(os.environ['AZUREML_DATAREFERENCE_reference']))\n"
    )
    first = Dataset.File.from_files((store, "first/*.csv")).register(workspace, "first")
    inputs = [
        first.as_named_input("mounted").as_mount(),
        first.as_named_input("copied").as_download(path_on_compute="here"),
        store.path("second", data_reference_name="reference").as_mount(),
    ]
    estimator = Estimator(
        str(project), compute_target="local", entry_script="train.py", inputs=inputs, environment_definition=env
    )
    found = {"mounted": "first", "copied": "firstfirst", "reference": "second"}
    assert completed(workspace, estimator) == found


def test_a_dataset_without_a_name_is_refused(
    workspace: Workspace, store: Datastore, project: Path, env: Environment
) -> None:
    (project / "train.py").write_text("")
    files = Dataset.File.from_files((store, "first"))
    with pytest.raises(
        UserErrorException, match=r"Argument 1 is a FileDataset; pass dataset.as_named_input\('a_name'\)"
    ):
        Experiment(workspace, "inputs").submit(ScriptRunConfig(str(project), "train.py", [files], environment=env))
    given = {"compute_target": "local", "entry_script": "train.py"}
    for more in ({"inputs": [files]}, {"script_params": {"--data": files}}):
        with pytest.raises(UserErrorException, match=r"this is a FileDataset; pass dataset.as_named_input"):
            Estimator(str(project), **given, **more)  # type: ignore[arg-type]
