"""Which packages stand for the curated environments of SDK v1."""

from __future__ import annotations

import re

import pytest

from trainshed.api.configuration.curated import NAMES, curated, is_curated
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import RunConfiguration
from trainshed.api.training.to_spec import environment_to_spec, uses_gpu
from trainshed.environments.packages import sort_out
from trainshed.errors import UserErrorException


def _packages(name: str) -> set[str]:
    return {re.split(r"[<>=;\[]", each, maxsplit=1)[0] for each in curated(name).pip}


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("AzureML-Minimal", {"azureml-defaults"}),
        ("AzureML-Tutorial", {"azureml-sdk", "scikit-learn", "sklearn-pandas", "matplotlib", "tqdm"}),
        ("AzureML-PyTorch-1.6-CPU", {"torch", "torchvision", "tensorboard", "future"}),
        ("AzureML-TensorFlow-2.3-GPU", {"tensorflow", "azureml-defaults"}),
        ("AzureML-TensorFlow-1.15-CPU", {"tensorflow"}),
        ("AzureML-Chainer-5.1.0-GPU", {"chainer"}),
        ("AzureML-Scikit-learn-0.20.3", {"scikit-learn", "scipy", "joblib"}),
        ("AzureML-Scikit-learn0.24-Cuda11-OpenMpi4.1.0-py36", {"scikit-learn"}),
        ("AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", {"scikit-learn", "pandas", "matplotlib", "azureml-mlflow"}),
        ("AzureML-sklearn-1.5", {"scikit-learn", "pandas", "azureml-mlflow"}),
        ("AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu", {"torch", "torchvision", "matplotlib"}),
        ("AzureML-ACPT-pytorch-1.12-py39-cuda11.6-gpu", {"torch", "pandas"}),
        ("AzureML-tensorflow-2.7-ubuntu20.04-py38-cuda11-gpu", {"tensorflow", "pandas"}),
        ("AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu", {"lightgbm", "scikit-learn", "xgboost", "dask"}),
        ("AzureML-minimal-ubuntu18.04-py37-cpu-inference", {"azureml-defaults"}),
    ],
)
def test_names_of_all_years_are_known(name: str, packages: set[str]) -> None:
    assert packages <= _packages(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_listed_is_complete(name: str) -> None:
    made = Environment._of_curated(name)
    spec = environment_to_spec(made)
    assert made.name == name
    assert spec.notes[0].startswith(f"The curated environment {name} stands for these packages here")
    lists = sort_out(spec.conda, spec.pip, spec.pip_options, spec.python)
    assert {"numpy", "pandas"} <= set(lists.pip), "as in v1, which had azureml-defaults in each"
    assert len(curated(name).pip) == len(spec.pip)


def test_what_is_unknown_is_named() -> None:
    assert is_curated("AzureML-PySpark-MmlSpark-0.15")
    assert not is_curated("my-env")
    with pytest.raises(UserErrorException, match=r"'AzureML-PySpark-MmlSpark-0\.15' is not available here"):
        curated("AzureML-PySpark-MmlSpark-0.15")
    with pytest.raises(UserErrorException, match="Did you mean 'AzureML-Minimal'"):
        curated("AzureML-Minmal")


@pytest.mark.parametrize(("name", "gpu"), [("AzureML-PyTorch-1.6-CPU", False), ("AzureML-PyTorch-1.6-GPU", True)])
def test_those_for_gpus_use_gpus(name: str, gpu: bool) -> None:
    config = RunConfiguration()
    config.environment = Environment._of_curated(name)
    assert uses_gpu(config) == gpu


def test_a_copy_can_be_changed() -> None:
    mine = Environment._of_curated("AzureML-PyTorch-1.6-CPU").clone("mine")
    mine.python.conda_dependencies.add_pip_package("torch==2.1.0")
    assert [each for each in environment_to_spec(mine).pip if each.startswith("torch=")] == ["torch==2.1.0"]
    assert (
        len(
            [
                each
                for each in Environment._of_curated("AzureML-PyTorch-1.6-CPU").python.conda_dependencies.pip_packages
                if each.startswith("torch=")
            ]
        )
        > 1
    )
