from __future__ import annotations

import pytest

from trainshed.environments.packages import as_pep440, conda_spec, sort_out
from trainshed.environments.pypi_names import as_requirements
from trainshed.errors import EnvironmentBuildException


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("numpy", ""),
        ("numpy=1.26", "==1.26.*"),
        ("numpy=1.26.*", "==1.26.*"),
        ("numpy==1.26.4", "==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "==1.26.4"),
        ("numpy 1.26.*", "==1.26.*"),
        ("numpy >=1.20,<2", ">=1.20,<2"),
        ("conda-forge::numpy>1", ">1"),
    ],
)
def test_conda_versions_as_pip_writes_them(written: str, version: str) -> None:
    spec = conda_spec(written)
    assert (spec.name, as_pep440(spec)) == ("numpy", version)


def test_lists_are_sorted_out() -> None:
    lists = sort_out(
        ["python=3.10", "pip=21", "scikit-learn=1.4", "azureml-sdk"],
        [
            "azureml-defaults",
            "azureml_core==1.2",
            "azureml-mlflow",
            "numpy<3",
            "numpy<3",
            "# comment",
            "x # y",
            "a=1.2",
        ],
        ["--extra-index-url https://host/simple", "-f /wheels", "--pre"],
        None,
    )
    assert [spec.name for spec in lists.conda] == ["scikit-learn"]
    assert lists.pip == ("a==1.2.*", "azureml-mlflow", "numpy<3", "x")
    assert lists.provided == ("azureml-defaults", "azureml_core==1.2", "azureml-sdk")
    assert lists.options == ("--extra-index-url https://host/simple", "--find-links /wheels", "--pre")
    assert lists.python == "3.10"


@pytest.mark.parametrize(("pin", "wanted"), [("python=3.8.13", "3.8.13"), ("python>=3.9,<3.12", ">=3.9,<3.12")])
def test_python_pins(pin: str, wanted: str) -> None:
    assert sort_out([pin], [], [], None).python == wanted


@pytest.mark.parametrize(
    "line",
    [
        "pkg; $(id)",
        "$(touch x)",
        "-r other.txt",
        "-e .",
        "--config x",
        "git+ext::sh -c id",
        "pkg @ git+ext::sh",
        "a b",
        "--upload-pack=x",
    ],
)
def test_lines_that_are_refused(line: str) -> None:
    with pytest.raises(EnvironmentBuildException):
        sort_out([], [line], [], None)


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy[extra]>=1.0,<2 ; python_version<'4'",
        "pkg @ https://host/pkg.whl",
        "git+https://host/repo@v1",
        "a.b_c-d~=1.0",
    ],
)
def test_lines_that_are_taken(line: str) -> None:
    assert sort_out([], [line], [], None).pip == (line,)


def test_names_on_pypi() -> None:
    specs = [conda_spec(text) for text in ("pytorch=2.1", "scikit-learn", "opencv", "matplotlib-base>=3")]
    requirements, renamed = as_requirements(specs)
    assert requirements == ["torch==2.1.*", "scikit-learn", "opencv-python", "matplotlib>=3"]
    assert renamed == ["pytorch as torch", "opencv as opencv-python", "matplotlib-base as matplotlib"]


@pytest.mark.parametrize("name", ["cudatoolkit", "r-base", "r-ggplot2", "nodejs", "ffmpeg", "graphviz", "libgcc-ng"])
def test_what_pypi_cannot_have_is_said(name: str) -> None:
    with pytest.raises(EnvironmentBuildException, match=rf"'{name}' is no Python package.*trainshed\[conda\]"):
        as_requirements([conda_spec(name)])
