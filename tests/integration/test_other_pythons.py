"""Packages that this Python cannot take, as in environments of 2019: another one that is here is used, and said."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from trainshed import CondaDependencies, Environment, Experiment, ScriptRunConfig, Workspace
from trainshed.environments import prepare
from trainshed.environments.interpreters import Interpreter, everything
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.environment import EnvironmentSpec

BACKEND = (
    "def build_wheel(folder, config_settings=None, metadata_directory=None):\n    raise SystemExit('cannot build')\n"
)
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def _wheel(folder: Path, name: str, version: str, tag: str = "py3-none", needs: tuple[str, ...] = ()) -> None:
    about = f"{name}-{version}.dist-info"
    metadata = METADATA.format(name, version) + "".join(f"Requires-Dist: {each}\n" for each in needs)
    files = {f"{name}.py": f"VERSION = {version!r}\n", f"{about}/METADATA": metadata, f"{about}/RECORD": "",
             f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}-any\n"}  # fmt: skip
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def _source(folder: Path, name: str, version: str) -> None:
    files = {"pyproject.toml": PROJECT, "backend.py": BACKEND, "PKG-INFO": METADATA.format(name, version)}
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def other() -> Interpreter:
    """The older Python that is nearest to this one."""
    older = [one for one in everything() if (3, 8) <= one.version[:2] < sys.version_info[:2]]
    if not older:
        pytest.skip("there is no older Python on this machine")
    return max(older, key=lambda one: one.version)


@pytest.fixture
def packages(tmp_path: Path, other: Interpreter, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that packages come from: 'aged' of 2019 has a wheel for the older Python, and source."""
    folder = tmp_path / "packages"
    folder.mkdir()
    minor = other.version[1]
    _source(folder, "aged", "0.22.1")
    _wheel(folder, "aged", "0.22.1", f"cp3{minor}-none", needs=("numpy",))
    _wheel(folder, "compiled", "1.0", f"cp3{minor}-none", needs=("jinja2>=3.1",))
    for name, version in (("numpy", "1.23.5"), ("numpy", "2.0.0"), ("jinja2", "3.0.3"), ("jinja2", "3.1.6")):
        _wheel(folder, name, version)
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) and name != "UV_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("TRAINSHED_PYTHON_DOWNLOADS", "never")
    return folder


def test_an_old_version_without_a_python_gets_the_nearest_that_takes_it(
    tmp_path: Path, packages: Path, other: Interpreter
) -> None:
    home, log = tmp_path / "home", io.BytesIO()
    request = EnvironmentSpec(pip=("aged==0.22.1",), notes=("first",))
    made = prepare(request, home, log)
    own = ".".join(map(str, sys.version_info[:3]))
    note = f"aged==0.22.1 cannot be installed on Python {own}, so Python {other.text} is used. "
    assert made.notes == ("first", f"{note}To choose a Python yourself, name it in the environment.")
    # numpy 2 is too new for packages of that time, which do not say so.
    assert made.resolved == ("aged==0.22.1", "numpy==1.23.5")
    again = prepare(request, home, io.BytesIO())
    assert (again.cached, again.key, again.notes) == (True, made.key, made.notes)
    assert b"Python" in log.getvalue()
    assert b"unsatisfiable" not in log.getvalue(), "what uv says about Pythons that are not used"


def test_a_package_without_source_and_one_that_needs_a_new_companion(
    tmp_path: Path, packages: Path, other: Interpreter
) -> None:
    made = prepare(EnvironmentSpec(pip=("compiled", "aged")), tmp_path / "home", io.BytesIO())
    assert made.resolved == ("aged==0.22.1", "compiled==1.0", "jinja2==3.1.6", "numpy==2.0.0")
    assert f"so Python {other.text} is used" in made.notes[0]


def test_a_python_that_was_named_is_kept(tmp_path: Path, packages: Path) -> None:
    own = "{}.{}".format(*sys.version_info)
    with pytest.raises(EnvironmentBuildException, match=r"Failed to build `aged==0\.22\.1`") as failed:
        prepare(EnvironmentSpec(python=own, pip=("aged",)), tmp_path / "home", io.BytesIO())
    assert "other" not in failed.value.message


def test_no_python_takes_them(tmp_path: Path, packages: Path) -> None:
    (packages / "aged-0.22.1.tar.gz").rename(packages / "more-0.22.1.tar.gz")
    _source(packages, "more", "0.22.1")
    log = io.BytesIO()
    with pytest.raises(EnvironmentBuildException, match=r"Failed to build `more==0\.22\.1`") as failed:
        prepare(EnvironmentSpec(pip=("more",)), tmp_path / "home", log)
    assert failed.value.message.endswith("\nNo other Python of this node can take these packages, either.")
    assert b"cannot take them, either." in log.getvalue()
    with pytest.raises(EnvironmentBuildException, match="nowhere") as failed:
        prepare(EnvironmentSpec(pip=("nowhere",)), tmp_path / "home", io.BytesIO())
    assert "Python" not in failed.value.message, "no Python is to blame for a name that does not exist"


def test_uvs_own_overrides_are_observed(tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "overrides.txt").write_text("jinja2==3.0.3\n")
    monkeypatch.setenv("UV_OVERRIDE", str(tmp_path / "overrides.txt"))
    assert prepare(EnvironmentSpec(pip=("jinja2",)), tmp_path / "home", io.BytesIO()).resolved == ("jinja2==3.0.3",)


def test_a_run_of_an_old_program(workspace: Workspace, project: Path, packages: Path, other: Interpreter) -> None:
    (project / "train.py").write_text(
        "import aged, sys\nfrom azureml.core import Run\n"
        "Run.get_context().log('minor', sys.version_info[1])\nprint(aged.VERSION)\n"
    )
    conda = CondaDependencies()
    conda.add_pip_package("aged==0.22.1")
    environment = Environment("aged-env")
    environment.python.conda_dependencies = conda
    run = Experiment(workspace, "aged").submit(
        ScriptRunConfig(source_directory=str(project), script="train.py", environment=environment)
    )
    run.wait_for_completion(show_output=True)
    assert run.get_metrics() == {"minor": other.version[1]}
    assert f"so Python {other.text} is used" in json.dumps(run.get_details()["warnings"])
