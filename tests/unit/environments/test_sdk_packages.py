"""What stands for the packages of SDK v1 in lists of packages."""

from __future__ import annotations

import pytest

from trainshed.environments.packages import sort_out
from trainshed.environments.sdk_packages import names, replacement


def _packages(requirement: str) -> tuple[str, ...]:
    found = replacement(requirement)
    assert found is not None
    return found.packages


@pytest.mark.parametrize(
    ("requirement", "brought"),
    [
        ("azureml-defaults", {"numpy", "pandas", "pyarrow", "requests"}),
        ("azureml-defaults==1.0.85", {"numpy", "pandas"}),
        ("azureml_defaults >= 1.0.45", {"numpy", "pandas"}),
        ("azureml-dataprep[pandas]", {"numpy", "pandas"}),
        ("azureml-dataprep[pandas,fuse]>=1.1.14", {"numpy", "pandas"}),
        ("azureml-dataset-runtime[fuse, pandas]", {"pandas", "pyarrow"}),
        ("azureml-sdk", {"numpy", "pandas"}),
        ("azureml-sdk[notebooks,automl]", {"ipywidgets", "scikit-learn"}),
        ("azureml-train-automl", {"pandas", "scikit-learn"}),
        ("azureml-mlflow", {"mlflow"}),
        ("azureml-tensorboard", {"tensorboard"}),
        ("azureml-core @ https://host/any.whl", {"requests"}),
        ("https://host/simple/azureml_core-1.60.0-py3-none-any.whl#sha256=ab", {"requests"}),
        ("/wheels/azureml-train-core-1.0.85.tar.gz", {"requests"}),
        ("git+https://host/repository#egg=azureml-core", {"requests"}),
        ("azureml-core==1.0 --hash=sha256:ab", {"requests"}),
    ],
)
def test_it_is_what_it_brought(requirement: str, brought: set[str]) -> None:
    assert brought <= set(_packages(requirement))


@pytest.mark.parametrize(
    "requirement",
    [
        "numpy",
        "kedro-azureml",
        "azure-storage-blob",
        "https://host/azure-core-1.0.tar.gz",
        "git+https://host/azureml",
        "x",
    ],
)
def test_others_are_left_alone(requirement: str) -> None:
    assert replacement(requirement) is None


def test_markers_and_markers_alone_are_kept() -> None:
    assert "numpy; python_version < '3.9'" in _packages("azureml-defaults==1.2; python_version < '3.9'")


def test_every_row_ends_in_public_packages() -> None:
    for name in names():
        assert not [each for each in _packages(name) if each.startswith("azureml")], name


def test_the_user_is_told_what_was_done() -> None:
    def told(requirement: str) -> str:
        (note,) = sort_out([], [requirement], [], None).notes
        return note

    dataprep = (
        "azureml-dataprep[pandas] (SDK v1), these packages are installed: cloudpickle, jsonschema, numpy, pandas, "
    )
    assert told("azureml-dataprep[pandas]").startswith(f"In place of {dataprep}")
    assert told("azureml-interpret").endswith("The module azureml.interpret cannot be used in this run.")
    assert told("azureml-dataprep-native==1") == "azureml-dataprep-native==1 (SDK v1) is left out."
    assert "does not know this one. If your script needs packages" in told("azureml-of-tomorrow")
    assert "hush" not in told("azureml-core @ https://me:hush@host/any.whl")


def test_environments_without_them_are_as_they_were() -> None:
    assert sort_out(["numpy"], ["scipy"], [], None).notes == ()
