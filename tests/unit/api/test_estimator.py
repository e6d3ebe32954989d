from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import pytest

from trainshed import (
    DataPath,
    DataReference,
    Datastore,
    Environment,
    Estimator,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from trainshed.api.configuration.distribution import Mpi, Nccl, ParameterServer
from trainshed.api.training.estimator_base import MMLBaseEstimator
from trainshed.errors import ComputeTargetException, TrainingException, UserErrorException

STORE = Datastore(None, _record={"name": "store", "path": "/store", "default": True})  # type: ignore[arg-type]


class Target:
    """Stands for a compute target of some type."""

    def __init__(self, kind: str) -> None:
        self.name, self.type = "there", kind


def estimator(**params: Any) -> Estimator:
    return Estimator("./src", **{"compute_target": "local", **params})


@pytest.mark.parametrize(
    ("params", "error", "says"),
    [
        ({"node_count": 0}, TrainingException, "node_count is 0"),
        ({"process_count_per_node": 0}, TrainingException, "process_count_per_node is 0"),
        ({"node_count": 2}, TrainingException, "pass distributed_training"),
        ({"process_count_per_node": 2}, TrainingException, "pass distributed_training"),
        ({"distributed_backend": "nccl"}, TrainingException, "Available: 'mpi'"),
        ({"distributed_training": "mpi"}, TrainingException, "must be MpiConfiguration"),
        ({"custom_docker_image": "x", "use_docker": False}, TrainingException, "use_docker=False"),
        ({"custom_docker_base_image": "x", "custom_docker_image": "y"}, TrainingException, "former name"),
        ({"node_count": 2, "distributed_backend": "mpi"}, TrainingException, "'local' is one node"),
        (
            {"node_count": 2, "distributed_backend": "mpi", "compute_target": Target("DSVM")},
            TrainingException,
            "one node",
        ),
        ({"compute_target": Target("HDInsight")}, ComputeTargetException, "HDInsight cluster"),
        ({"environment_definition": "e"}, TrainingException, "'environment_definition' must be Environment"),
        ({"image_registry_details": "r"}, TrainingException, "'image_registry_details' must be ContainerRegistry"),
        (
            {"environment_definition": Environment("e"), "pip_packages": ["x"]},
            TrainingException,
            "Remove 'pip_packages'",
        ),
        ({"environment_definition": Environment("e"), "conda_packages": ["x"]}, TrainingException, "'conda_packages'"),
        ({"environment_definition": Environment("e"), "custom_docker_image": "x"}, TrainingException, "custom_docker"),
        ({"environment_definition": Environment("e"), "use_gpu": True}, TrainingException, "'use_gpu'"),
        ({"environment_definition": Environment("e"), "user_managed": True}, TrainingException, "'user_managed'"),
        ({"environment_definition": Environment("e"), "shm_size": "1g"}, TrainingException, "'shm_size'"),
        ({"environment_definition": Environment("e"), "environment_variables": {"A": "1"}}, TrainingException, "'env"),
        ({"conda_dependencies_file": "x.yml", "pip_packages": ["x"]}, TrainingException, "'pip_packages'"),
        ({"conda_dependencies_file": "x.yml", "conda_packages": ["x"]}, TrainingException, "'conda_packages'"),
        (
            {"conda_dependencies_file": "x.yml", "pip_requirements_file": "r"},
            TrainingException,
            "'pip_requirements_file'",
        ),
        ({"user_managed": True, "pip_packages": ["x"]}, UserErrorException, "'pip_packages'"),
        ({"user_managed": True, "conda_packages": ["x"]}, UserErrorException, "'conda_packages'"),
        ({"pip_requirements_file": "none.txt"}, UserErrorException, "no file 'none.txt'"),
        ({"conda_dependencies_file": "none.yml"}, UserErrorException, "no file 'none.yml'"),
        ({"inputs": ["x"]}, UserErrorException, "use a data reference"),
        ({"script_params": {"--a": {"b": 1}}}, UserErrorException, "--a:"),
        ({"script_params": {"--a": object()}}, UserErrorException, "--a:"),
        ({"script_params": {1: "b"}}, UserErrorException, "the flag 1"),
        ({"compute_target": None}, TrainingException, "needs a compute_target"),
        ({"compute_target": 3}, TrainingException, "compute_target must be"),
        ({"resume_from": "x"}, UserErrorException, "resume_from must be a DataPath"),
        ({"max_run_duration_seconds": 0}, TrainingException, "must be positive"),
        ({"node_count": "2"}, TrainingException, r"'node_count' must be int, not str \('2'\)"),
        ({"node_count": True}, TrainingException, "'node_count' must be int, not bool"),
        ({"use_gpu": "yes"}, TrainingException, "'use_gpu' must be bool"),
        ({"script_params": ["--a", 1]}, TrainingException, "'script_params' must be dict"),
        ({"pip_packages": "numpy"}, TrainingException, "'pip_packages' must be list or tuple"),
        ({"entry_script": 3}, TrainingException, "'entry_script' must be str"),
    ],
)
def test_what_contradicts_itself_is_refused_with_one_sentence(params: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        estimator(**params)
    assert "\n" not in str(caught.value)


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"Estimator has no parameter 'entry_scrpt'. Did you mean 'entry_script'\?"):
        estimator(entry_scrpt="train.py")


def test_all_but_the_folder_is_keyword_only() -> None:
    with pytest.raises(TypeError):
        Estimator("./src", "local")  # type: ignore[call-arg]
    kinds = {p.kind for name, p in inspect.signature(Estimator).parameters.items() if name != "source_directory"}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_neither_folder_nor_script_need_to_exist_yet() -> None:
    assert (
        Estimator("/no/such/folder", compute_target="local", entry_script="no.py").source_directory == "/no/such/folder"
    )


def test_script_params_keep_order_and_type() -> None:
    params = {"--a": 1, "--empty": "", "--none": None, "--d": [1, 2], "--e": 0.8, "--f": True, "--t": ("x", "y")}
    assert estimator(script_params=params).run_config.arguments == [
        "--a", 1, "--empty", "--none", "--d", 1, 2, "--e", 0.8, "--f", True, "--t", "x", "y",
    ]  # fmt: skip


def test_a_data_reference_is_a_name_among_the_arguments_and_a_configuration() -> None:
    reference = STORE.path("a/b", "nm").as_download("local/dir")
    config = estimator(script_params={"--d": reference, "--s": STORE}, inputs=[STORE.path("c", "more")]).run_config
    assert config.arguments == ["--d", "$AZUREML_DATAREFERENCE_nm", "--s", "$AZUREML_DATAREFERENCE_store"]
    made = config.data_references["nm"]
    assert (made.data_store_name, made.path_on_data_store, made.mode) == ("store", "a/b", "download")
    assert made.path_on_compute == "local/dir"
    assert set(config.data_references) == {"nm", "store", "more"}


def test_two_references_of_one_name_must_be_the_same() -> None:
    same = estimator(script_params={"--a": STORE.as_mount()}, inputs=[STORE.as_mount()])
    assert list(same.run_config.data_references) == ["store"]
    with pytest.raises(UserErrorException, match="Two different data references are named 'store'"):
        estimator(script_params={"--a": STORE.as_mount()}, inputs=[STORE.as_download()])


def test_packages_come_from_lists_and_files(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("pandas  # frames\n--extra-index-url https://x\n-r more.txt\n")
    (tmp_path / "more.txt").write_text("scipy\\\n>=1\n")
    made = Estimator(
        tmp_path,
        compute_target="local",
        conda_packages=["scikit-learn"],
        pip_packages=["numpy<3"],
        pip_requirements_file="r.txt",
    )
    assert list(made.conda_dependencies.conda_packages) == ["scikit-learn"]
    assert list(made.conda_dependencies.pip_packages) == ["azureml-defaults", "numpy<3", "pandas", "scipy>=1"]
    assert list(made.conda_dependencies.pip_options) == ["--extra-index-url https://x"]


def test_a_conda_file_says_it_all(tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("channels: [c]\ndependencies:\n- python=3.11\n- numpy\n- pip:\n  - torch\n")
    deps = Estimator(str(tmp_path), compute_target="local", conda_dependencies_file="env.yml").conda_dependencies
    assert (deps.get_python_version(), list(deps.conda_packages), list(deps.pip_packages)) == (
        "3.11",
        ["numpy"],
        ["torch"],
    )


@pytest.mark.parametrize("name", ["custom_docker_base_image", "distributed_backend", "pip_requirements_file_path"])
def test_former_names_work_and_say_so(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mpi").write_text("numpy\n")
    with caplog.at_level(logging.WARNING):
        Estimator(str(tmp_path), compute_target="local", **{name: "mpi"})  # type: ignore[arg-type]
    assert f"'{name}' is deprecated" in caplog.text


def test_how_processes_find_each_other_is_written_down() -> None:
    mpi = estimator(
        node_count=2, process_count_per_node=3, distributed_backend="mpi", compute_target=Target("AmlCompute")
    ).run_config
    assert (mpi.node_count, mpi.mpi.process_count_per_node, mpi.communicator) == (2, 3, "IntelMpi")
    # The object's own count goes before the parameter.
    own = estimator(process_count_per_node=3, distributed_training=MpiConfiguration()).run_config
    assert own.mpi.process_count_per_node == 1
    assert estimator(distributed_training=Mpi(2)).run_config.communicator == "Mpi"
    # Of a name nothing is known when the estimator is made; v1 refused it.
    torch = estimator(
        node_count=2, distributed_training=PyTorchConfiguration("Gloo"), compute_target="cluster"
    ).run_config
    assert (torch.framework, torch.pytorch.communication_backend) == ("PyTorch", "Gloo")
    flow = estimator(distributed_training=TensorflowConfiguration(2, 1)).run_config
    assert (flow.framework, flow.tensorflow.worker_count) == ("TensorFlow", 2)
    servers = estimator(distributed_training=ParameterServer(3, 2)).run_config
    assert (servers.communicator, servers.tensorflow.parameter_server_count) == ("ParameterServer", 2)
    nccl = estimator(process_count_per_node=2, node_count=2, distributed_training=Nccl(), compute_target="c").run_config
    assert (nccl.communicator, nccl.pytorch.process_count, nccl.pytorch.communication_backend) == ("nccl", 4, "Nccl")


def test_the_new_name_goes_before_the_former_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "new.txt").write_text("new\n")
    (tmp_path / "new.yml").write_text("dependencies: [new]\n")
    with caplog.at_level(logging.WARNING):
        pip = Estimator(
            tmp_path, compute_target="local", pip_requirements_file_path="old.txt", pip_requirements_file="new.txt"
        )
        conda = Estimator(
            tmp_path, compute_target="local", conda_dependencies_file_path="old", conda_dependencies_file="new.yml"
        )
        both = estimator(distributed_backend="mpi", distributed_training=PyTorchConfiguration("Gloo"))
    assert list(pip.conda_dependencies.pip_packages) == ["azureml-defaults", "new"]
    assert list(conda.conda_dependencies.conda_packages) == ["new"]
    assert both.run_config.communicator == "Gloo"
    assert caplog.text.count("Only the latter is used") == 3


@pytest.mark.parametrize(
    "params",
    [
        {"use_docker": False},
        {"process_count_per_node": 2, "distributed_training": MpiConfiguration(2)},
        {"vm_size": "D2"},
    ],
)
def test_old_ways_work_and_say_so(params: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        estimator(**params)
    assert f"'{next(iter(params))}' is deprecated" in caplog.text


def test_without_a_target_a_size_of_machine_will_do() -> None:
    made = estimator(compute_target=None, vm_size="STANDARD_D2", node_count=2, distributed_backend="mpi")
    assert (made.run_config.target, made.run_config.amlcompute.vm_size) == ("amlcompute", "STANDARD_D2")


def test_an_estimator_of_ones_own() -> None:
    class Own(MMLBaseEstimator):
        pass

    config = RunConfiguration("own.py")
    made = Own("./src", compute_target="there", estimator_config=config)
    assert (made.source_directory, made.run_config, made.run_config.target) == ("./src", config, "there")
    assert list(made.conda_dependencies.pip_packages) == ["azureml-defaults"]
    assert made._submission({}).config.script == "own.py"


def test_docker_is_described_as_late_releases_do() -> None:
    config = estimator(custom_docker_base_image="microsoft/mmlspark:0.12").run_config
    assert config.environment.docker.base_image == "microsoft/mmlspark:0.12"
    assert (config.docker.use_docker, config.environment.docker.enabled) == (True, False)
    assert estimator(use_docker=False).run_config.docker.use_docker is False


def test_resume_from_is_a_reference_and_an_argument() -> None:
    config = estimator(script_params={"--a": 1}, resume_from=DataPath(STORE, "models/one")).run_config
    assert config.arguments == ["--a", 1, "--resume-from", "$AZUREML_DATAREFERENCE_MODEL_LOCATION"]
    assert config.data_references["MODEL_LOCATION"].path_on_data_store == "models/one"


def test_a_submit_may_replace_what_it_names_and_changes_nothing_for_the_next() -> None:
    made = estimator(script_params={"--a": 1}, inputs=[STORE.path("x", "in")])
    once = made._submission({"script_params": {"--b": STORE}}).config
    assert once.arguments == ["--b", "$AZUREML_DATAREFERENCE_store"]
    assert {"in", "store"} <= set(once.data_references)
    assert made.run_config.arguments == ["--a", 1]
    assert set(made.run_config.data_references) == {"in"}
    assert set(made._submission({"inputs": [STORE.path("y", "more")]}).config.data_references) == {"in", "more"}
    assert made._submission({"source_directory_data_store": STORE}).config.source_directory_data_store == "store"
    assert made.run_config.source_directory_data_store is None
    with pytest.raises(TrainingException, match=r"not 'script_parms'. Did you mean 'script_params'\?"):
        made._submission({"script_parms": {}})


def test_references_have_v1s_names() -> None:
    assert str(STORE.as_mount()) == "$AZUREML_DATAREFERENCE_store"
    generated = STORE.path("a")
    assert len(generated.data_reference_name) == 32
    below = generated.path("b", "named")
    assert (below.path_on_datastore, below.data_reference_name) == ("a/b", "named")
    with pytest.raises(UserErrorException, match="mode 'share' is not one of"):
        DataReference(STORE, mode="share")
    with pytest.raises(UserErrorException, match="Invalid data reference name 'a-b'"):
        STORE.path("x", "a-b")
