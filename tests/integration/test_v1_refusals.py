"""What v1 raised for what is wrong: one row a condition of its tables, in the order of its classes."""

# mypy: disable-error-code="arg-type, attr-defined, call-arg, func-returns-value"
# What a type checker would refuse is what is tried here.

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from azureml.core import (
    Dataset,
    Environment,
    Experiment,
    Model,
    Run,
    RunConfiguration,
    ScriptRunConfig,
    Workspace,
)
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import DataReferenceConfiguration, PyTorchConfiguration
from azureml.data.data_reference import DataReference
from azureml.exceptions import (
    ActivityFailedException,
    ComputeTargetException,
    ExperimentExecutionException,
    ModelNotFoundException,
    ModelPathNotFoundException,
    RunConfigurationException,
    RunEnvironmentException,
    SnapshotException,
    UserErrorException,
    WebserviceException,
    WorkspaceException,
)


class World(NamedTuple):
    """What the rows act on."""

    ws: Workspace
    experiment: Experiment
    failed: Run
    """A run that has ended badly."""
    going: Run
    """An interactive run that goes on."""
    cluster: ComputeTarget
    folder: Path
    """An empty folder."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from trainshed.client.stopping import stop

    folder = tmp_path_factory.mktemp("refusals")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(folder / "home"))
        patch.delenv("TRAINSHED_WORKSPACE", raising=False)
        patch.chdir(folder)
        ws = Workspace()
        experiment = Experiment(ws, "refusals")
        source = folder / "source"
        source.mkdir()
        (source / "train.py").write_text("raise SystemExit(3)\n")
        config = ScriptRunConfig(str(source), "train.py")
        config.run_config.environment.python.user_managed_dependencies = True
        config.run_config.environment.python.interpreter_path = sys.executable
        failed = experiment.submit(config)
        failed.wait_for_completion(raise_on_error=False)
        going = experiment.start_logging(snapshot_directory=None)
        going.upload_file("outputs/kept.txt", str(source / "train.py"))
        cluster = ComputeTarget.create(
            ws, "nodes", AmlCompute.provisioning_configuration("STANDARD_D2_V2", max_nodes=2)
        )
        (folder / "empty").mkdir()
        yield World(ws, experiment, failed, going, cluster, folder / "empty")
        going.complete()
        ws.connection.close()
        stop(str(ws.path))


def large(world: World) -> str:
    """A folder that is too large for a snapshot, without the bytes."""
    path = world.folder.parent / "large"
    path.mkdir(exist_ok=True)
    with (path / "data.bin").open("wb") as file:
        file.truncate(320_000_000)
    return str(path)


def twice(call: Callable[[], Any]) -> Any:
    call()
    return call()


def missing_config(world: World) -> Any:
    return Workspace.from_config(path=str(world.folder / "nothing" / "config.json"))


ROWS: list[tuple[str, type[Exception], str, Callable[[World], Any]]] = [
    # What is wrong, what is raised, words that must be in it, and how it comes to it.
    # Workspace
    ("a workspace that is not there", WorkspaceException, "'nowhere'", lambda w: Workspace("id", "group", "nowhere")),
    ("get of one that is not there", WorkspaceException, "'nowhere'", lambda w: Workspace.get("nowhere")),
    ("from_config: no such file", UserErrorException, "nothing/config.json", missing_config),
    ("create: the name is taken", WorkspaceException, "'default'", lambda w: Workspace.create("default")),
    ("create: not a name", WorkspaceException, "'a/b'", lambda w: Workspace.create("a/b")),
    (
        "write_config: a file, not a folder",
        UserErrorException,
        "a-file is not a folder",
        lambda w: (w.folder / "a-file").touch() or w.ws.write_config(path=str(w.folder / "a-file")),
    ),
    (
        "default compute of an unknown kind",
        ValueError,
        "'TPU'",
        lambda w: w.ws.get_default_compute_target("TPU"),
    ),
    # Experiment
    ("a name with a space", UserErrorException, "'a name'", lambda w: Experiment(w.ws, "a name")),
    ("no name", UserErrorException, "''", lambda w: Experiment(w.ws, "")),
    ("a name of 256 letters", UserErrorException, "255", lambda w: Experiment(w.ws, "a" * 256)),
    ("no workspace", UserErrorException, "Workspace", lambda w: Experiment("workspace", "name")),
    ("submit: a type nobody knows", UserErrorException, "dict", lambda w: w.experiment.submit({"script": "train.py"})),
    (
        "start_logging: the folder is too large",
        SnapshotException,
        "data.bin",
        lambda w: w.experiment.start_logging(snapshot_directory=large(w)),
    ),
    (
        "reactivate: the new name is taken",
        UserErrorException,
        "'taken'",
        lambda w: [Experiment(w.ws, "taken").tag("a"), w.experiment.reactivate(new_name="taken")],
    ),
    # Run
    ("get_context outside of a run", RunEnvironmentException, "run", lambda w: Run.get_context(allow_offline=False)),
    ("get_submitted_run outside of a run", RunEnvironmentException, "run", lambda w: Run.get_submitted_run()),
    (
        "a type provider that cannot be called",
        ValueError,
        "add_type_provider",
        lambda w: Run.add_type_provider("kind", None),
    ),
    (
        "wait_for_completion: it failed",
        ActivityFailedException,
        "exit code 3",
        lambda w: w.failed.wait_for_completion(),
    ),
    ("get_environment: it has none", UserErrorException, "interactive", lambda w: w.going.get_environment()),
    ("create_children: neither count nor tags", UserErrorException, "tag_values=", lambda w: w.going.create_children()),
    ("create_children: both", UserErrorException, "count=", lambda w: w.going.create_children(2, "k", ["v"])),
    ("create_children: 101 of them", UserErrorException, "101", lambda w: w.going.create_children(101)),
    ("log: a list", UserErrorException, "log_list", lambda w: w.going.log("x", [1, 2])),
    ("log: a range", UserErrorException, "range", lambda w: w.going.log("x", range(2))),
    ("log: a generator", UserErrorException, "generator", lambda w: w.going.log("x", (i for i in "ab"))),
    ("log: a step that is no whole number", UserErrorException, "step=0.5", lambda w: w.going.log("x", 1, step=0.5)),
    ("log_image: neither path nor plot", UserErrorException, "plot=", lambda w: w.going.log_image("x")),
    ("log_image: both", UserErrorException, "path=", lambda w: w.going.log_image("x", path="a", plot=object())),
    (
        "upload_files: fewer paths than names",
        TypeError,
        "2 names and 1 paths",
        lambda w: w.going.upload_files(["a", "b"], ["c"]),
    ),
    (
        "upload_file: the name is taken",
        UserErrorException,
        "kept.txt",
        lambda w: w.going.upload_file("outputs/kept.txt", __file__),
    ),
    (
        "download_file: no such file",
        UserErrorException,
        "'outputs/none.txt'",
        lambda w: w.going.download_file("outputs/none.txt"),
    ),
    (
        "download_files: fewer paths than files",
        UserErrorException,
        "output_paths",
        lambda w: w.going.download_files(prefix="outputs/", output_paths=[]),
    ),
    (
        "properties are written once",
        UserErrorException,
        "'a'",
        lambda w: [w.going.add_properties({"a": each}) for each in "bc"],
    ),
    (
        "take_snapshot: a second time",
        SnapshotException,
        "snapshot",
        lambda w: twice(lambda: w.going.take_snapshot(str(w.folder))),
    ),
    (
        "register_model: no such file",
        ModelPathNotFoundException,
        "'outputs/none.pkl'",
        lambda w: w.failed.register_model("m", "outputs/none.pkl"),
    ),
    # ScriptRunConfig, RunConfiguration
    (
        "submit: no such script",
        UserErrorException,
        "'none.py'",
        lambda w: w.experiment.submit(ScriptRunConfig(str(w.folder), "none.py")),
    ),
    (
        "ScriptRunConfig: script and command",
        RunConfigurationException,
        "command",
        lambda w: ScriptRunConfig(str(w.folder), "a.py", command=["true"]),
    ),
    (
        "save: no such folder",
        FileNotFoundError,
        "/nothing",
        lambda w: RunConfiguration().save(path=str(w.folder / "nothing"), name="x"),
    ),
    ("load: no such file", UserErrorException, "'x'", lambda w: RunConfiguration.load(str(w.folder), "x")),
    ("delete: no such file", UserErrorException, "'x'", lambda w: RunConfiguration.delete(str(w.folder), "x")),
    (
        "PyTorchConfiguration: another backend",
        RunConfigurationException,
        "'mpi'",
        lambda w: PyTorchConfiguration(communication_backend="mpi"),
    ),
    (
        "DataReferenceConfiguration: another mode",
        UserErrorException,
        "'copy'",
        lambda w: DataReferenceConfiguration(mode="copy"),
    ),
    # Environment, CondaDependencies
    ("Environment without a name", TypeError, "'name'", lambda w: Environment()),
    ("clone: no name", UserErrorException, "name", lambda w: Environment("a").clone("")),
    ("Environment.get: none of this name", Exception, "'none'", lambda w: Environment.get(w.ws, "none")),
    (
        "add_private_pip_wheel: no such file",
        UserErrorException,
        "/none.whl",
        lambda w: Environment.add_private_pip_wheel(w.ws, str(w.folder / "none.whl")),
    ),
    (
        "load_from_directory: no such folder",
        FileNotFoundError,
        "/nothing/",
        lambda w: Environment.load_from_directory(str(w.folder / "nothing")),
    ),
    (
        "remove_conda_package: not there",
        UserErrorException,
        "'none'",
        lambda w: CondaDependencies().remove_conda_package("none"),
    ),
    (
        "add_pip_package: not a package",
        UserErrorException,
        "'a b c'",
        lambda w: CondaDependencies().add_pip_package("a b c"),
    ),
    (
        "set_pip_option: not an option",
        UserErrorException,
        "'numpy'",
        lambda w: CondaDependencies().set_pip_option("numpy"),
    ),
    (
        "remove_pip_option: not there",
        UserErrorException,
        "'--pre'",
        lambda w: CondaDependencies().remove_pip_option("--pre"),
    ),
    (
        "remove_pip_package: not there",
        UserErrorException,
        "'none'",
        lambda w: CondaDependencies().remove_pip_package("none"),
    ),
    (
        "CondaDependencies.save: no such folder",
        UserErrorException,
        "/nothing/c.yml",
        lambda w: CondaDependencies().save(str(w.folder / "nothing" / "c.yml")),
    ),
    # Data
    (
        "upload: no such folder",
        UserErrorException,
        "/nothing",
        lambda w: w.ws.get_default_datastore().upload(str(w.folder / "nothing")),
    ),
    (
        "upload_files: no such file",
        UserErrorException,
        "/none",
        lambda w: w.ws.get_default_datastore().upload_files([str(w.folder / "none")]),
    ),
    (
        "DataReference: another mode",
        UserErrorException,
        "'copy'",
        lambda w: DataReference(w.ws.get_default_datastore(), mode="copy"),
    ),
    ("a datastore that is not there", UserErrorException, "'none'", lambda w: datastore(w, "none")),
    ("a dataset that is not there", UserErrorException, "'none'", lambda w: Dataset.get_by_name(w.ws, "none")),
    (
        "as_named_input: not a name",
        UserErrorException,
        "'a b'",
        lambda w: Dataset.File.from_files((w.ws.get_default_datastore(), "x"), validate=False).as_named_input("a b"),
    ),
    # Compute
    ("no such target", ComputeTargetException, "'none'", lambda w: ComputeTarget(w.ws, "none")),
    (
        "create: the configuration is none",
        UserErrorException,
        "provisioning_configuration",
        lambda w: ComputeTarget.create(w.ws, "other", object()),
    ),
    ("detach", ComputeTargetException, "'nodes'", lambda w: w.cluster.detach()),
    (
        "update: fewer nodes at most than at least",
        ComputeTargetException,
        "max_nodes",
        lambda w: w.cluster.update(3, 1),
    ),
    ("add_identity", ComputeTargetException, "identities", lambda w: w.cluster.add_identity("SystemAssigned")),
    ("remove_identity", ComputeTargetException, "identities", lambda w: w.cluster.remove_identity()),
    ("update_quotas", ComputeTargetException, "quotas", lambda w: AmlCompute.update_quotas(w.ws, "family", 3)),
    # Models
    ("Model: none of this name", WebserviceException, "'none'", lambda w: Model(w.ws, "none")),
    ("ModelNotFoundException is the same", ModelNotFoundException, "'none'", lambda w: Model(w.ws, "none")),
    ("Model: neither name nor id", WebserviceException, "id", lambda w: Model(w.ws)),
    (
        "register: no such file",
        WebserviceException,
        "/none",
        lambda w: Model.register(w.ws, str(w.folder / "none"), "m"),
    ),
    (
        "get_model_path: none of this name",
        ModelNotFoundException,
        "'none'",
        lambda w: Model.get_model_path("none", _workspace=w.ws),
    ),
]


def datastore(world: World, name: str) -> Any:
    from azureml.core import Datastore

    return Datastore.get(world.ws, name)


@pytest.mark.parametrize(("condition", "kind", "words", "act"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_wrong_is_refused_as_v1_did(
    world: World, condition: str, kind: type[Exception], words: str, act: Callable[[World], Any]
) -> None:
    with pytest.raises(kind) as told:
        act(world)
    text = str(told.value)
    assert words in text, condition
    assert len(text.split()) >= 5, "a sentence, with what was wrong and what to do"
    assert "Traceback" not in text


def test_waiting_can_be_interrupted_and_the_run_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainshed.api.runs.watch.wait", interrupted)
    with pytest.raises(ExperimentExecutionException, match="the run continues"):
        world.going.wait_for_completion()
    monkeypatch.undo()
    assert world.going.get_status() == "Running"
    assert os.path.isdir(world.ws.path)
