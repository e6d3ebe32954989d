"""What a workspace keeps besides runs: secrets, models, environments, datasets, clusters; and what it refuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from trainshed import (
    AmlCompute,
    BatchAiCompute,
    ComputeTarget,
    Dataset,
    Datastore,
    Environment,
    Experiment,
    Model,
    RunConfiguration,
    ScriptRunConfig,
    Workspace,
)
from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.errors import (
    ActivityFailedException,
    ComputeTargetException,
    ModelNotFoundException,
    ModelPathNotFoundException,
    NotFoundException,
    UserErrorException,
    WebserviceException,
)


@pytest.fixture
def config(this_python: str) -> RunConfiguration:
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    return config


@pytest.mark.own_folder
def test_secrets_are_for_their_owner_alone(workspace: Workspace) -> None:
    vault = workspace.get_default_keyvault()
    vault.set_secret("a", "hunter2")
    file = workspace.path / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "hunter2" not in (workspace.path / "service.log").read_text()
    assert vault.get_secrets(["a", "b"]) == {"a": "hunter2", "b": None}
    for name, value in (("", "y"), ("no/name", "y"), ("x" * 128, "y"), ("big", "y" * 30_000)):
        with pytest.raises(UserErrorException) as caught:
            vault.set_secret(name, value)
        assert value * 10 not in str(caught.value)
    vault.delete_secret("a")
    vault.delete_secret("a")
    assert vault.list_secrets() == []


@pytest.mark.own_folder
def test_models_that_cannot_be(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WebserviceException, match="no file or folder"):
        Model.register(workspace, tmp_path / "nothing", "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WebserviceException, match="no files in"):
        Model.register(workspace, tmp_path / "empty", "m")
    (tmp_path / "m.bin").write_bytes(b"1")
    with pytest.raises(UserErrorException, match="Invalid model name"):
        Model.register(workspace, tmp_path / "m.bin", "a/b")
    assert list((workspace.path / "models").iterdir()) == []
    Model.register(workspace, tmp_path / "m.bin", "iris")
    with pytest.raises(ModelNotFoundException, match="Did you mean 'iris'"):
        Model(workspace, "irsi")
    with pytest.raises(ModelNotFoundException, match="no version 7"):
        Model(workspace, "iris", version=7)
    with pytest.raises(WebserviceException, match="The model is missing"):
        Model(workspace)
    with Experiment(workspace, "e").start_logging(snapshot_directory=None) as run:
        for path in ("outputs/none.pkl", "../../secrets.json", "/etc/passwd"):
            with pytest.raises((ModelPathNotFoundException, UserErrorException)):
                run.register_model("x", path)
    connection = workspace.connection
    for token in ("..", "x" * 32, "0" * 31):
        with pytest.raises(UserErrorException):
            connection.call("POST", "/models", {"name": "x", "upload": token})


@pytest.mark.own_folder
def test_a_deleted_model_leaves_no_files(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"1")
    model = Model.register(workspace, tmp_path / "m.bin", "iris", tags={"a": 1})
    assert Path(model.download(tmp_path / "down")).read_bytes() == b"1"
    model.delete()
    assert list((workspace.path / "models").iterdir()) == []
    assert Model.list(workspace) == []


def test_a_cluster_bounds_how_many_run(workspace: Workspace, project: Path, config: RunConfiguration) -> None:
    made = ComputeTarget.create(workspace, "two", AmlCompute.provisioning_configuration(max_nodes=2))
    (project / "train.py").write_text(
        "import sys; print('up', flush=True); sys.stdin.read(); import time; time.sleep(600)"
    )
    config.target = "two"
    runs = [
        Experiment(workspace, "e").submit(ScriptRunConfig(str(project), "train.py", run_config=config)) for _ in "abc"
    ]
    for run in runs[:2]:
        stream = iter(
            workspace.connection.stream("GET", f"/runs/{run.id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
        )
        assert b"".join([next(stream)]).startswith(b"up")
    assert runs[2].status == "Queued"
    status = made.get_status().serialize()
    assert status["nodeStateCounts"]["runningNodeCount"] == status["currentNodeCount"] == 2
    assert {node["runId"] for node in made.list_nodes()} == {run.id for run in runs[:2]}  # type: ignore[attr-defined]
    with pytest.raises(ComputeTargetException, match="3 unfinished runs"):
        made.delete()
    made.update(max_nodes=3)  # type: ignore[attr-defined]
    stream = iter(
        workspace.connection.stream("GET", f"/runs/{runs[2].id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    )
    assert next(stream)
    for run in runs:
        run.cancel()
        run.wait_for_completion(raise_on_error=False)
    made.delete()
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace, "two")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_nodes": 0},
        {"max_nodes": "2"},
        {"max_nodes": True},
        {"max_nodes": 1, "min_nodes": 2},
        {"max_nodes": 1, "min_nodes": -1},
        {"max_nodes": 1, "vm_priority": "cheap"},
    ],
)
def test_clusters_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ComputeTargetException):
        AmlCompute.provisioning_configuration(**settings)


def test_targets_that_cannot_be(workspace: Workspace) -> None:
    config = AmlCompute.provisioning_configuration(max_nodes=1)
    for name in ("local", "amlcompute", "containerinstance", "no name", ""):
        with pytest.raises(UserErrorException):
            ComputeTarget.create(workspace, name, config)
    with pytest.raises(UserErrorException, match="must be created by the target's class"):
        ComputeTarget.create(workspace, "x", {"max_nodes": 1})
    with pytest.raises(ComputeTargetException, match="this machine and cannot be deleted"):
        ComputeTarget(workspace, "local").delete()
    with pytest.raises(ComputeTargetException, match="not attached"):
        ComputeTarget.create(workspace, "x", config).detach()
    with pytest.raises(ComputeTargetException, match="is a AmlCompute, not a BatchAiCompute"):
        BatchAiCompute(workspace, "x")
    with pytest.raises(UserErrorException, match="no setting 'colour'"):
        workspace.connection.call("PUT", "/targets/x", {"colour": "red"})


def test_datasets_that_cannot_be(workspace: Workspace, tmp_path: Path) -> None:
    store = workspace.get_default_datastore()
    with pytest.raises(NotFoundException, match="has nothing at 'workspaceblobstore/nope"):
        Dataset.File.from_files((store, "nope/*.csv"))
    unchecked = Dataset.File.from_files((store, "nope"), validate=False)
    with pytest.raises(NotFoundException):
        unchecked.to_path()
    assert unchecked.download(ignore_not_found=True) == []
    wrongs: list[Any] = [(store, "../../secrets.json"), "ftp://example.org/a.csv", 7, []]
    for wrong in wrongs:
        with pytest.raises(UserErrorException):
            Dataset.File.from_files(wrong)
    (tmp_path / "a.csv").write_text("x\n1\n")
    files = Dataset.File.from_files(str(tmp_path / "*.csv"))
    for name in ("", "a b", "1a", None):
        with pytest.raises(UserErrorException, match=r"Invalid .*name"):
            DatasetConsumptionConfig(name, files)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="one of direct, mount, download"):
        DatasetConsumptionConfig("a", files, mode="copy")
    with pytest.raises(UserErrorException, match="is not a dataset"):
        DatasetConsumptionConfig("a", "files")  # type: ignore[arg-type]
    table = Dataset.Tabular.from_delimited_files(str(tmp_path / "a.csv"))
    with pytest.raises(UserErrorException, match="passed to the script directly"):
        table.as_named_input("a").as_mount()
    with pytest.raises(UserErrorException, match="no column 'y'"):
        table.keep_columns("y").to_pandas_dataframe()
    for share in (-0.1, 1.1):
        with pytest.raises(UserErrorException, match="number from 0 to 1"):
            files.random_split(share)
    for count in (-1, "2", True):
        with pytest.raises(UserErrorException, match="whole number"):
            files.take(count)  # type: ignore[arg-type]
    files.register(workspace, "d")
    assert files.register(workspace, "d").version == 1
    with pytest.raises(UserErrorException, match="create_new_version"):
        table.register(workspace, "d")
    with pytest.raises(NotFoundException, match="Did you mean 'd'"):
        Dataset.get_by_name(workspace, "dd")
    files.download(str(tmp_path / "out"))
    with pytest.raises(UserErrorException, match="already exists"):
        files.download(str(tmp_path / "out"))
    with pytest.raises(UserErrorException, match=r"\(datastore, 'path on it'\)"):
        OutputFileDatasetConfig("o", destination="somewhere")


def test_a_dataset_that_is_gone_fails_the_run(
    workspace: Workspace, project: Path, tmp_path: Path, config: RunConfiguration
) -> None:
    (tmp_path / "a.csv").write_text("1")
    (project / "train.py").write_text("")
    files = Dataset.File.from_files(str(tmp_path / "a.csv"))
    os.unlink(tmp_path / "a.csv")
    arguments = [files.as_named_input("a").as_mount()]
    run = Experiment(workspace, "e").submit(ScriptRunConfig(str(project), "train.py", arguments, config))
    with pytest.raises(
        ActivityFailedException, match="Dataset 'a' could not be made available: The dataset has nothing at"
    ):
        run.wait_for_completion()


@pytest.mark.own_folder
def test_outputs_are_kept_as_they_are_asked_for(workspace: Workspace, project: Path, config: RunConfiguration) -> None:
    store = workspace.get_default_datastore()
    (project / "train.py").write_text(
        "import os, sys\n"
        "for folder in sys.argv[1:]:\n    open(os.path.join(folder, 'f.txt'), 'w').write(folder)\n"
        "sys.exit(3 if os.environ.get('FAIL') else 0)\n"
    )
    mounted = OutputFileDatasetConfig("mounted", (store, "m/{output-name}/{run-id}")).register_on_complete(
        "of-it", tags={"a": 1}
    )
    copied = OutputFileDatasetConfig("copied", (store, "c"), source="here").as_upload(overwrite=True)
    run = Experiment(workspace, "e").submit(ScriptRunConfig(str(project), "train.py", [mounted, copied], config))
    run.wait_for_completion()
    assert Path(store.folder, "m", "mounted", run.id, "f.txt").is_file()
    assert Path(store.folder, "c", "f.txt").read_text().endswith("here")
    made = Dataset.get_by_name(workspace, "of-it")
    assert (made.to_path(), made.tags) == (["/f.txt"], {"a": "1"})
    config.environment_variables["FAIL"] = "1"
    failed = Experiment(workspace, "e").submit(ScriptRunConfig(str(project), "train.py", [mounted, copied], config))
    failed.wait_for_completion(raise_on_error=False)
    assert Dataset.get_by_name(workspace, "of-it").version == 1  # what failed is no dataset


def test_the_default_datastore_can_be_another(workspace: Workspace, tmp_path: Path) -> None:
    mine = Datastore.register_folder(workspace, "mine", tmp_path)
    workspace.set_default_datastore("mine")
    assert workspace.get_default_datastore().name == "mine"
    mine.unregister()
    assert workspace.get_default_datastore().name == "workspaceblobstore"
    with pytest.raises(NotFoundException):
        workspace.set_default_datastore("mine")


@pytest.mark.own_folder
def test_environments_that_cannot_be(workspace: Workspace, tmp_path: Path) -> None:
    env = Environment("mine")
    env.python.conda_dependencies.add_pip_package("numpy")
    env.docker.base_image_registry.password = "hunter2"
    assert env.register(workspace).version == "1"
    assert env.register(workspace).version == "1"  # nothing has changed
    assert "hunter2" not in (workspace.path / "history.db").read_bytes().decode("latin-1")
    with pytest.raises(UserErrorException, match="The curated environment 'AzureML-Tutoral' is not available here"):
        Environment.get(workspace, "AzureML-Tutoral")
    with pytest.raises(NotFoundException, match="Did you mean 'mine'"):
        Environment.get(workspace, "mina")
    with pytest.raises(NotFoundException, match="no version 4"):
        Environment.get(workspace, "mine", version="4")
    with pytest.raises(UserErrorException, match="version of an environment must be a number"):
        Environment.get(workspace, "mine", version="new")
    with pytest.raises(UserErrorException, match="is labeled 'prod'"):
        Environment.get(workspace, "mine", label="prod")
    with pytest.raises(UserErrorException, match="a name"):
        env.clone("")
    env.save_to_directory(tmp_path / "kept")
    with pytest.raises(UserErrorException, match="already exists"):
        env.save_to_directory(tmp_path / "kept")
    with pytest.raises(UserErrorException, match="There is no wheel"):
        Environment.add_private_pip_wheel(workspace, tmp_path / "x.whl")
