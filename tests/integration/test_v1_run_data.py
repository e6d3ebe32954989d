"""``run_config.data`` and ``run_config.output_data`` made of v1's own classes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_server import WebServer, web_server

from trainshed import Dataset, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.errors import NotFoundException, UserErrorException

v1: Any = importlib.import_module("azureml.core.runconfig")


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        made.files["/a.txt"] = b"from the web"
        yield made


@pytest.fixture
def config(this_python: str) -> RunConfiguration:
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    return config


def test_inputs_and_outputs(
    workspace: Workspace, project: Path, tmp_path: Path, config: RunConfiguration, server: WebServer
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("from a datastore")
    store = workspace.get_default_datastore()
    store.upload(str(tmp_path / "data"), "texts", show_progress=False)
    files = Dataset.File.from_files((store, "texts/*")).register(workspace, "texts")
    config.data = {
        "named": v1.Data(v1.DataLocation(dataset=v1.Dataset(dataset_id=files.id)), mechanism="mount"),
        "by_path": v1.Data(v1.DataLocation(data_path=v1.DataPath(store.name, "texts")), mechanism="Download"),
        "by_uri": v1.Data(v1.DataLocation(uri=v1.Uri(server.url("/a.txt")))),
        "created": v1.Data.create(Dataset.File.from_files((store, "texts")).as_named_input("created").as_mount()),
    }
    options = v1.OutputOptions(registration_options=v1.RegistrationOptions(name="made", tags={"a": "b"}))
    place = v1.OutputDataLocation(data_path=v1.DataPath(store.name, "made/{run-id}"))
    config.output_data = {"made": v1.OutputData(place, "upload", options)}
    (project / "train.py").write_text(
        "import os\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "for name, path in run.input_datasets.items():\n"
        "    path = path if os.path.isfile(path) else os.path.join(path, 'a.txt')\n    run.log(name, open(path).read())\n"
        "open(os.path.join(run.output_datasets['made'], 'x.txt'), 'w').write('made')\n"
    )
    run = Experiment(workspace, "data").submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    run.wait_for_completion()
    stored = "from a datastore"
    assert run.get_metrics() == {"named": stored, "by_path": stored, "by_uri": "from the web", "created": stored}
    made = Dataset.get_by_name(workspace, "made")
    assert (made.to_path(), made.tags) == (["/x.txt"], {"a": "b"})


def test_they_are_written_to_files_and_read_again(tmp_path: Path, config: RunConfiguration) -> None:
    (tmp_path / ".azureml").mkdir()
    config.data = {"named": v1.Data(v1.DataLocation(dataset=v1.Dataset(dataset_name="texts", dataset_version="2")))}
    config.save(str(tmp_path), "kept")
    read = RunConfiguration.load(str(tmp_path), "kept").data["named"]
    assert read.data_location["dataset"] == {"id": None, "name": "texts", "version": "2"}
    assert read.mechanism == "mount"


def test_what_is_not_there_is_said(workspace: Workspace, project: Path, config: RunConfiguration) -> None:
    (project / "train.py").write_text("")
    config.data = {"named": v1.Data(v1.DataLocation(dataset=v1.Dataset(dataset_name="nobody")))}
    with pytest.raises(NotFoundException, match="nobody"):
        Experiment(workspace, "data").submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    with pytest.raises(UserErrorException, match="Pass a DatasetConsumptionConfig, not a str"):
        v1.Data.create("texts")
