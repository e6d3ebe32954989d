from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from trainshed import (
    DataPath,
    Datastore,
    Environment,
    Estimator,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
)
from trainshed.api.configuration.runconfig_sections import ParallelTaskConfiguration
from trainshed.api.training.source_folder import check_source
from trainshed.api.training.submission import with_files
from trainshed.api.training.to_spec import SubmitOptions, environment_to_spec, to_spec
from trainshed.errors import RunConfigurationException, UserErrorException
from trainshed.spec.container import ContainerSpec
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.run import DataSpec, RunSpec

STORE = Datastore(None, _record={"name": "store", "path": "/store", "default": True})  # type: ignore[arg-type]
WISHES = SubmitOptions("trial")


def spec_of(config: Any, options: SubmitOptions = WISHES, **overrides: Any) -> RunSpec:
    return to_spec(config._submission(overrides).config, options)


def test_the_first_program() -> None:
    est = Estimator(
        "./src",
        script_params={"--data-folder": STORE.as_mount(), "--regularization": 0.8},
        compute_target="local",
        entry_script="train.py",
        conda_packages=["scikit-learn"],
    )
    assert spec_of(est) == RunSpec(
        experiment="trial",
        script="train.py",
        arguments=("--data-folder", "$AZUREML_DATAREFERENCE_store", "--regularization", "0.8"),
        data=(DataSpec("store", "store"),),
        environment=EnvironmentSpec(conda=("scikit-learn",)),
        environment_name="default-environment",
    )


def test_what_is_changed_after_construction_counts() -> None:
    est = Estimator("./src", compute_target="local", pip_packages=["numpy"])
    est.run_config.environment.python.user_managed_dependencies = True
    est.run_config.environment.python.interpreter_path = "/opt/python"
    est.run_config.arguments.append("--more")
    spec = spec_of(est)
    assert spec.environment == EnvironmentSpec(kind="existing", interpreter="/opt/python")
    assert spec.arguments == ("--more",)


def test_wishes_reach_the_record() -> None:
    est = Estimator("./src", compute_target="local", environment_variables={"A": 1}, max_run_duration_seconds=60)  # type: ignore[dict-item]
    spec = spec_of(est, SubmitOptions("trial", {"k": 2}, 5, 2, "pypi"))
    assert (spec.tags, spec.priority, spec.slots, spec.environment.solver) == ({"k": "2"}, 5, 2, "pypi")
    assert (spec.environment_variables, spec.max_run_duration_seconds) == ({"A": "1"}, 60)


class Scalar:
    """A number as numpy's are."""

    def item(self) -> float:
        return 0.5


def test_arguments_of_a_script_run_config() -> None:
    config = ScriptRunConfig(
        "./src", "sub/../train.py", ["--n", 3, Path("x/y"), STORE.path("d", "ref").as_upload("out"), True, Scalar()]
    )
    spec = spec_of(config)
    assert spec.arguments == ("--n", "3", "x/y", "$AZUREML_DATAREFERENCE_ref", "True", "0.5")
    assert spec.data == (DataSpec("ref", "store", "d", "upload", "out"),)
    assert spec.script == "train.py"
    assert spec.max_run_duration_seconds is None


@pytest.mark.parametrize("value", [None, {"a": 1}, object(), b"x"])
def test_an_argument_that_is_none_is_named_by_its_place(value: Any) -> None:
    with pytest.raises(UserErrorException, match="Argument 2 is"):
        spec_of(ScriptRunConfig("./src", "train.py", ["--a", value]))


def test_a_script_run_config_may_resume() -> None:
    config = ScriptRunConfig("./src", "train.py", ["--a"], resume_from=DataPath(STORE, "m"))
    assert spec_of(config).arguments == ("--a", "--resume-from", "$AZUREML_DATAREFERENCE_MODEL_LOCATION")
    assert spec_of(config).data == (DataSpec("MODEL_LOCATION", "store", "m"),)
    assert config.run_config.data_references == {}
    with pytest.raises(UserErrorException, match="resume_from must be a DataPath"):
        ScriptRunConfig("./src", resume_from="x")
    with pytest.raises(RunConfigurationException, match="ParallelTaskConfiguration is not supported"):
        ScriptRunConfig("./src", distributed_job_config=ParallelTaskConfiguration())


def test_a_run_that_names_but_a_size_of_machine_takes_this_one() -> None:
    assert spec_of(Estimator("./src", vm_size="STANDARD_D2")).target == "local"


def test_a_run_in_a_container_instance_takes_this_machine() -> None:
    config = RunConfiguration()
    config.target = "containerinstance"
    config.container_instance.region = "eastus2"
    config.environment.docker.enabled = True
    src = ScriptRunConfig(source_directory="./", script="train.py", run_config=config)
    assert (spec_of(src).target, spec_of(src).container) == ("local", None)


def test_the_record_has_framework_communicator_notes_and_legacy() -> None:
    config = RunConfiguration(framework="PyTorch", communicator="Gloo")
    config.environment._notes = ("mind this",)
    spec = to_spec(config, WISHES._replace(legacy=True))
    note = "pandas and numpy were added, as azureml-defaults brought them in SDK v1 (TRAINSHED_LEGACY is set)."
    assert (spec.framework, spec.communicator, spec.environment.notes) == ("PyTorch", "Gloo", ("mind this", note))
    assert spec.environment_variables == {"TRAINSHED_LEGACY": "1"}
    assert spec.environment.pip == ("pandas",)
    config.environment_variables["TRAINSHED_LEGACY"] = "0"
    without = to_spec(config, WISHES._replace(legacy=True))
    assert (without.environment_variables, without.environment.pip) == ({"TRAINSHED_LEGACY": "0"}, ())


def test_pandas_stays_as_the_user_lists_it() -> None:
    config = RunConfiguration()
    config.environment.python.conda_dependencies.add_conda_package("Pandas=1.5")
    spec = to_spec(config, WISHES._replace(legacy=True)).environment
    assert (spec.conda, spec.pip, spec.notes) == (("Pandas=1.5",), (), ())


def test_a_command_excludes_a_script() -> None:
    assert spec_of(ScriptRunConfig("./src", command=["echo", 1])).command == ("echo", "1")
    assert spec_of(ScriptRunConfig("./src", command="echo $HOME")).command == ("/bin/sh", "-c", "echo $HOME")
    with pytest.raises(RunConfigurationException, match="not both"):
        ScriptRunConfig("./src", "train.py", command=["echo"])


def test_a_run_configuration_given_wins_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        config = ScriptRunConfig("./src", run_config=RunConfiguration("a.py", [1]), compute_target="other")
    assert "are ignored" in caplog.text
    spec = spec_of(config)
    assert (spec.script, spec.arguments, spec.target) == ("a.py", ("1",), "local")


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        ({"node_count": 2, "distributed_backend": "mpi", "compute_target": "cluster"}, ("openmpi", 2, 1, "", 0, 0)),
        ({"process_count_per_node": 2, "distributed_backend": "mpi"}, ("openmpi", 1, 2, "", 0, 0)),
        ({"distributed_training": PyTorchConfiguration("Gloo", 2)}, ("torch", 1, 2, "gloo", 0, 0)),
        ({}, ("single", 1, 1, "", 0, 0)),
    ],
)
def test_the_record_says_how_many_processes(params: Any, shape: tuple[Any, ...]) -> None:
    spec = spec_of(Estimator("./src", **{"compute_target": "local", **params}))
    told = (spec.launcher, spec.node_count, spec.process_count_per_node, spec.backend)
    assert (*told, spec.worker_count, spec.parameter_server_count) == shape


def test_the_record_says_which_container() -> None:
    spec = spec_of(Estimator("./src", compute_target="local", custom_docker_image="ubuntu:24.04"))
    assert spec.container == ContainerSpec("ubuntu:24.04")
    with pytest.raises(UserErrorException, match="Invalid image name 'Ubuntu latest'"):
        spec_of(Estimator("./src", compute_target="local", custom_docker_image="Ubuntu latest"))


def test_docker_without_an_image_asks_for_nothing() -> None:
    asked = Estimator("./src", compute_target="local", use_docker=True, use_gpu=True)
    assert spec_of(asked).container is None
    env = Environment("e")
    env.docker.enabled = True
    assert spec_of(Estimator("./src", compute_target="local", environment_definition=env)).container is None
    env.docker.base_image = "ubuntu"
    assert spec_of(Estimator("./src", compute_target="local", environment_definition=env)).container is not None


def test_an_environment_becomes_a_wish() -> None:
    env = Environment("e")
    deps = env.python.conda_dependencies
    deps.set_python_version("3.11")
    deps.add_conda_package("numpy=1.26")
    deps.add_pip_package("torch")
    deps.add_channel("nvidia")
    deps.set_pip_index_url("https://index")
    deps.set_pip_option("--find-links=/wheels")
    deps.set_pip_option("--pre")
    env.conda_solver = "conda"
    assert environment_to_spec(env, "pypi") == EnvironmentSpec(
        python="3.11",
        conda=("numpy=1.26",),
        pip=("torch",),
        channels=("nvidia",),
        solver="conda",
        index_url="https://index",
        pip_options=("--pre", "--find-links /wheels"),
    )


@pytest.mark.parametrize(("name", "value"), [("priority", "1"), ("slots", 1.5), ("slots", True)])
def test_numbers_must_be_numbers(name: str, value: Any) -> None:
    est = Estimator("./src", compute_target="local")
    with pytest.raises(UserErrorException, match=f"{name} must be a whole number"):
        spec_of(est, WISHES._replace(**{name: value}))


def test_a_setting_that_never_was_is_kept_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    config = RunConfiguration()
    with caplog.at_level(logging.WARNING):
        config.auto_prepare_env = True
        config.environment.python.user_managed_dependencis = True
    assert "Did you mean 'auto_prepare_environment'?" in caplog.text
    assert "Did you mean 'user_managed_dependencies'?" in caplog.text


def test_a_conda_file_named_in_the_configuration_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [numpy]")
    config = RunConfiguration("train.py")
    config.environment.python.conda_dependencies_file = "c.yml"
    ready = with_files(ScriptRunConfig(str(tmp_path), run_config=config)._submission({}))
    assert to_spec(ready.config, WISHES).environment.conda == ("numpy",)
    assert list(config.environment.python.conda_dependencies.conda_packages) == []


def test_folder_and_script_are_checked_before_anything_is_sent(project: Path) -> None:
    (project / "train.py").write_text("")
    (project / "deep").mkdir()
    (project / "deep" / "other.py").write_text("")
    folder = str(project)
    assert check_source(folder, "train.py") == "train.py"
    assert check_source(folder, str(project / "deep" / "other.py")) == "deep/other.py"
    assert check_source(folder, None) is None
    for script, says in (
        ("trian.py", "Did you mean 'train.py'"),
        ("other.py", "Did you mean 'deep/other.py'"),
        ("deep", "There is no script 'deep'"),
        ("../train.py", "is outside the source folder"),
        ("/etc/passwd", "is outside the source folder"),
    ):
        with pytest.raises(UserErrorException, match=says):
            check_source(folder, script)
    with pytest.raises(UserErrorException, match=r"does not exist\. Did you mean 'project'\?"):
        check_source(folder.replace("project", "projct"), "train.py")
    with pytest.raises(UserErrorException, match="is a file, not a folder"):
        check_source(str(project / "train.py"), "train.py")
