from __future__ import annotations

from pathlib import Path

import pytest

from trainshed import CondaDependencies, Environment
from trainshed.api.configuration.requirements import read_requirements
from trainshed.errors import UserErrorException


def test_adding_a_package_again_replaces_it() -> None:
    deps = CondaDependencies()
    deps.add_conda_package("numpy=1.26")
    deps.add_conda_package("Numpy>=2")
    deps.add_pip_package("Foo_bar==1")
    deps.add_pip_package("foo-bar==2")
    assert list(deps.conda_packages) == ["Numpy>=2"]
    assert list(deps.pip_packages) == ["azureml-defaults", "foo-bar==2"]


def test_removing_what_is_not_there_is_an_error() -> None:
    deps = CondaDependencies.create(conda_packages=["numpy"], pip_packages=["torch"])
    deps.remove_conda_package("numpy")
    deps.remove_pip_package("torch")
    with pytest.raises(UserErrorException, match="no conda package"):
        deps.remove_conda_package("numpy")
    with pytest.raises(UserErrorException, match="no pip package"):
        deps.remove_pip_package("torch")


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("python=3.8.13", "3.8.13"),
        ("python==3.11", "3.11"),
        ("python 3.11", "3.11"),
        ("python=3.11.*", "3.11"),
        ("python>=3.9,<3.12", ">=3.9,<3.12"),
        ("python", None),
    ],
)
def test_the_python_version_is_read_from_any_spelling(spec: str, version: str | None) -> None:
    deps = CondaDependencies(_underlying_structure={"dependencies": [spec, "numpy"]})
    assert deps.get_python_version() == version
    assert list(deps.conda_packages) == ["numpy"]
    deps.set_python_version("3.12")
    assert deps.get_python_version() == "3.12"


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    deps = CondaDependencies.create(conda_packages=["numpy"], pip_packages=["torch"], python_version="3.11")
    deps.add_channel("conda-forge")
    deps.save(str(tmp_path / "e.yml"))
    again = Environment.from_conda_specification("e", tmp_path / "e.yml").python.conda_dependencies
    assert again.as_dict() == deps.as_dict()
    assert deps.save_to_file(str(tmp_path)) == ".azureml/conda_dependencies.yml"
    assert (tmp_path / ".azureml" / "conda_dependencies.yml").is_file()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "must be a mapping"),
        ("dependencies: numpy", "'dependencies' must be a list"),
        ("dependencies: [1]", "dependency 1"),
        ("dependencies: [{conda: [x]}]", "dependency {'conda'"),
        ("dependencies: [{pip: [1]}]", "dependency {'pip'"),
        ("a: [", "not valid YAML"),
        ("dependencies: !!python/object/apply:os.system [true]", "not valid YAML"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "e.yml").write_text(text)
    with pytest.raises(UserErrorException, match=says):
        CondaDependencies(str(tmp_path / "e.yml"))


def test_a_list_is_not_a_string() -> None:
    with pytest.raises(UserErrorException, match=r"must be a list of packages, not a string. Pass \['numpy'\]"):
        CondaDependencies.create(pip_packages="numpy")


def test_requirements_of_one_package_are_merged() -> None:
    assert CondaDependencies.merge_requirements(["a>1", "b", "a<3"]) == ["a>1,<3", "b"]


def test_a_requirements_file_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("\ufeff# comment\nnumpy<3 # why\n\n")
    (tmp_path / "r.txt").write_text(
        "-r base.txt\n-i https://i\n--extra-index-url=https://x\n-f /wheels\n--trusted-host h\n--pre\n"
        "pkg @ https://host/pkg.whl#sha256=abc\ntorch ; python_version > '3.8'\n"
    )
    packages, options = read_requirements(str(tmp_path / "r.txt"))
    assert packages == ["numpy<3", "pkg @ https://host/pkg.whl#sha256=abc", "torch ; python_version > '3.8'"]
    assert options == [
        "--index-url https://i", "--extra-index-url https://x", "--find-links /wheels", "--trusted-host h", "--pre",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["-e .", "-c constraints.txt", "--no-such 1"])
def test_a_line_without_meaning_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "r.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(UserErrorException, match=r"r\.txt, line 2: "):
        read_requirements(str(tmp_path / "r.txt"))


def test_a_file_with_hashes_is_read_as_its_tools_write_it(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(
        "six==1.17.0 ; python_version >= '3.6' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via thing\n"
    )
    deps = CondaDependencies()
    deps.add_requirements_file(str(tmp_path / "r.txt"))
    words = list(deps.pip_packages)[1].split()
    assert words == ["six==1.17.0", ";", "python_version", ">=", "'3.6'", "--hash=sha256:aa", "--hash=sha256:bb"]


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("-r r.txt\n")
    with pytest.raises(UserErrorException, match="is not supported"):
        read_requirements(str(tmp_path / "r.txt"))


@pytest.mark.parametrize("line", ["numpy=1.2", "numpy = 1.2", "scikit-learn=0.24.*", "x[a,b]=1"])
def test_one_equals_sign_is_condas(line: str) -> None:
    with pytest.raises(UserErrorException, match=r"for pip, write '[\w\[\],-]+==[\d.*]+'"):
        CondaDependencies.create(pip_packages=[line])
    CondaDependencies.create(pip_packages=["a==1", "b<=1,!=0.5", "c>=1", "d~=1.0", "e===1", "https://host/f-1.whl?g=1"])
