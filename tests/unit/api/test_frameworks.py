from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from trainshed import Chainer, Environment, Estimator, PyTorch, SKLearn, TensorFlow
from trainshed.api.configuration.framework_versions import FRAMEWORKS, choose
from trainshed.api.training.to_spec import environment_to_spec
from trainshed.environments.packages import sort_out
from trainshed.errors import TrainingException

ALL = (PyTorch, TensorFlow, Chainer, SKLearn)


def packages(made: Any) -> list[str]:
    return [each for each in made.conda_dependencies.pip_packages if each != "azureml-defaults"]


def notes(made: Any) -> tuple[str, ...]:
    return environment_to_spec(made.run_config.environment).notes


@pytest.mark.parametrize("kind", ALL)
def test_without_a_version_v1s_default_is_met_by_the_nearest_and_said(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = kind("s", compute_target="local")
    framework = FRAMEWORKS[kind.__name__]
    assert made.framework_version == framework.default
    assert framework.default in kind.get_supported_versions()
    (note,) = notes(made)
    assert "the default framework_version" in note
    python = "{}.{}".format(*sys.version_info)
    assert f"cannot be installed on Python {python}, so " in note
    assert "is used, the nearest release that can." in note
    assert note.count("Python") == 1, "no row for another Python is told"
    assert note in caplog.text
    # Every line can be read by the node, and some line is for each Python in the table.
    spec = environment_to_spec(made.run_config.environment)
    lists = sort_out(spec.conda, spec.pip, spec.pip_options, spec.python)
    assert lists.python == framework.pythons
    assert any(
        f"{framework.package}=={framework.default}" in line and "python_version < '3.8'" in line for line in lists.pip
    )
    for python, (release, *_) in list(framework.oldest.items())[1:]:
        assert any(f"{framework.package}=={release}.*; python_version >= '{python}'" in line for line in lists.pip)


@pytest.mark.parametrize("kind", ALL)
def test_every_version_of_v1_is_taken(kind: Any) -> None:
    for version in kind.get_supported_versions():
        made = kind("s", compute_target="local", framework_version=version)
        assert made.framework_version == version
        assert any(line.startswith(FRAMEWORKS[kind.__name__].package + "==") for line in packages(made))


def test_a_release_of_today_is_that_very_one() -> None:
    made = PyTorch("s", compute_target="local", framework_version="2.13.0")
    assert packages(made) == ["torch==2.13.0", "torchvision", "tensorboard"]
    assert notes(made) == ()
    assert made.conda_dependencies.get_python_version() is None
    assert packages(SKLearn("s", compute_target="local", framework_version="1.7")) == ["scikit-learn==1.7.*"]


def test_a_version_between_two_rows_is_met_where_it_can_be() -> None:
    lines = choose("PyTorch", "2.3").requirements
    assert "torch==2.3.*; python_version >= '3.11' and python_version < '3.12'" in lines
    assert "torch==2.6.*; python_version >= '3.13' and python_version < '3.14'" in lines
    assert not any(line.startswith("numpy") for line in lines)


def test_versions_that_belong_to_a_replaced_release_become_minimums() -> None:
    made = SKLearn("s", compute_target="local", pip_packages=["joblib==0.13.2", "pandas==1.5.3", "numpy==1.16.2"])
    assert packages(made)[:3] == ["joblib>=0.13.2", "pandas==1.5.3", "numpy>=1.16.2"]
    assert "numpy<2; python_version >= '3.11' and python_version < '3.12'" in packages(made)
    assert notes(made)[1:] == (
        "joblib==0.13.2 belongs to a replaced release of SKLearn; joblib>=0.13.2 is used.",
        "numpy==1.16.2 belongs to a replaced release of SKLearn; numpy>=1.16.2 is used.",
    )
    conda = PyTorch("s", compute_target="local", conda_packages=["torchvision=0.5.0", "pillow=5.4.1"])
    assert list(conda.conda_dependencies.conda_packages)[:2] == ["torchvision>=0.5.0", "pillow=5.4.1"]
    assert "torchvision" not in packages(conda)
    for untouched in (
        SKLearn("s", compute_target="local", framework_version="1.7", pip_packages=["joblib==0.13.2"]),
        SKLearn("s", compute_target="local", pip_packages=["joblib==0.13.2", "scikit-learn==1.5.0"]),
    ):
        assert packages(untouched)[0] == "joblib==0.13.2"


@pytest.mark.parametrize("version", ["latest", "1", "0.9", "1.4.0.0", "1.4; import os"])
def test_a_version_that_never_was_supported_is_refused(version: str) -> None:
    with pytest.raises(TrainingException, match=r"is not supported\. Available: 1\.0, 1\.1"):
        PyTorch("s", compute_target="local", framework_version=version)


@pytest.mark.parametrize(
    "params", [{"pip_packages": ["torch==2.13.0"]}, {"conda_packages": ["pytorch"]}, {"pip_requirements_file": "r.txt"}]
)
def test_what_the_user_names_goes_before_what_v1_brought(params: Any, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("Torch >= 2\n")
    made = PyTorch(tmp_path, compute_target="local", **params)
    assert not any("python_version" in line for line in packages(made))
    assert packages(made)[-2:] == ["torchvision", "tensorboard"]
    assert notes(made) == ()


def test_packages_and_python_of_the_user_stay(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("dependencies: [python=3.11, numpy]\n")
    whole = SKLearn(tmp_path, compute_target="local", conda_dependencies_file="c.yml")
    assert (list(whole.conda_dependencies.conda_packages), packages(whole)) == (["numpy"], [])
    made = Chainer("s", compute_target="local", conda_packages=["python=3.10", "scipy"], pip_packages=["pandas"])
    assert made.conda_dependencies.get_python_version() == "3.10"
    assert packages(made)[0] == "pandas"
    given = Environment("mine")
    assert PyTorch("s", compute_target="local", environment_definition=given).run_config.environment is given
    assert notes(PyTorch("s", compute_target="local", environment_definition=given)) == ()
    assert packages(PyTorch("s", compute_target="local", user_managed=True)) == []


def test_parameters_are_an_estimators_with_some_more_and_some_less() -> None:
    usual = set(inspect.signature(Estimator).parameters)
    for kind, more, less in (
        (PyTorch, set(), set()),
        (TensorFlow, {"worker_count", "parameter_server_count"}, set()),
        (Chainer, set(), set()),
        (SKLearn, set(), {"node_count", "process_count_per_node", "distributed_backend", "distributed_training", "use_gpu",
                          "custom_docker_base_image", "source_directory_data_store"}),
    ):  # fmt: skip
        found = inspect.signature(kind).parameters
        assert set(found) == (usual | more | {"framework_version", "_enable_optimized_mode"}) - less
        kinds = {one.kind for name, one in found.items() if name != "source_directory"}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}
        for name in less:
            with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter '{name}'"):
                kind("s", compute_target="local", **{name: None})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Did you mean 'framework_version'\?"):
        PyTorch("s", compute_target="local", framework_versoin="1.4")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        cast(Any, PyTorch)("s", "local")


@pytest.mark.parametrize(
    ("kind", "backends"),
    [(PyTorch, {"mpi", "gloo", "nccl"}), (TensorFlow, {"mpi", "ps"}), (Chainer, {"mpi"}), (Estimator, {"mpi"})],
)
def test_every_class_has_its_backends(kind: Any, backends: set[str]) -> None:
    for backend in ("mpi", "gloo", "nccl", "ps"):
        if backend in backends:
            assert kind("s", compute_target="local", distributed_backend=backend).run_config.communicator != "None"
            continue
        with pytest.raises(TrainingException, match="Unknown distributed_backend"):
            kind("s", compute_target="local", distributed_backend=backend)


def test_an_estimator_of_ones_own_may_be_derived() -> None:
    class Own(PyTorch):
        def __init__(self, source_directory: str) -> None:
            super().__init__(source_directory, compute_target="local", framework_version="2.13.0")

    assert Own("s").framework_version == "2.13.0"
