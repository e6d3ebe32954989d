"""What a release is: wheels and source distributions, whole, and all that is needed once they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import NamedTuple

import pytest
from checkout import ROOT, checkout_files

from trainshed.environments.commands import environ_for_uv, find_uv
from trainshed.version import VERSION

NOT_RELEASED = (".ci/", ".github/", ".gitignore", ".pre-commit-config.yaml")
"""What only a checkout has."""


class Release(NamedTuple):
    """The files of a release."""

    wheel: Path
    source: Path
    compat_wheel: Path
    compat_source: Path


def uv(home: Path, *words: str | Path, cwd: Path | None = None) -> str:
    """Run uv, set as the user's pip is, and return what it printed."""
    argv = [find_uv(), *words]
    done = subprocess.run(argv, env=environ_for_uv(str(home)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def release(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Build a release of this checkout: source distributions first, and the wheels from nothing but these."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in checkout_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for project in (source, source / "compat" / "azureml"):
        uv(module_home, "build", "-q", "--out-dir", made, project)
    return Release(
        made / f"trainshed-{VERSION}-py3-none-any.whl",
        made / f"trainshed-{VERSION}.tar.gz",
        made / f"trainshed_azureml-{VERSION}-py3-none-any.whl",
        made / f"trainshed_azureml-{VERSION}.tar.gz",
    )


def install(home: Path, prefix: Path, wheels: Sequence[Path]) -> Path:
    """Return the Python of a new environment with these wheels and what they require."""
    uv(home, "venv", "-q", "--python", sys.executable, prefix)
    uv(home, "pip", "install", "-q", "--python", prefix, *wheels)
    uv(home, "pip", "check", "-q", "--python", prefix)
    return prefix / "bin" / "python"


@pytest.fixture(scope="module")
def python(release: Release, module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with Trainshed's wheel, and not the one of v1's names."""
    return install(module_home, tmp_path_factory.mktemp("alone") / "venv", [release.wheel])


def in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def in_source(source: Path) -> set[str]:
    with tarfile.open(source) as opened:
        return {member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()}


def below(folder: str) -> set[str]:
    return {name.removeprefix(folder) for name in checkout_files() if name.startswith(folder)}


def test_the_wheels_have_every_file_of_their_packages_and_no_other(release: Release) -> None:
    assert in_wheel(release.wheel) == below("src/")
    assert in_wheel(release.compat_wheel) == below("compat/azureml/src/")
    assert "trainshed/py.typed" in in_wheel(release.wheel)
    assert "azureml/py.typed" in in_wheel(release.compat_wheel)


def test_the_source_has_documentation_tests_and_all_else(release: Release) -> None:
    wanted = {name for name in checkout_files() if not name.startswith(NOT_RELEASED)}
    assert {"CHANGELOG.md", "LICENSE", "docs/architecture.md", "tests/conftest.py"} <= wanted
    assert wanted - in_source(release.source) == set()
    assert below("compat/azureml/") - in_source(release.compat_source) == set()


@pytest.mark.parametrize("name", ["wheel", "compat_wheel"])
def test_the_metadata_tell_who_and_where(release: Release, name: str) -> None:
    with zipfile.ZipFile(getattr(release, name)) as opened:
        (path,) = (path for path in opened.namelist() if path.endswith(".dist-info/METADATA"))
        told = HeaderParser().parsestr(opened.read(path).decode())
        assert any(path.endswith("/licenses/LICENSE") for path in opened.namelist())
    links = dict(link.split(", ") for link in told.get_all("Project-URL", []))
    assert {"Homepage", "Source", "Issues", "Changelog"} <= set(links)
    assert all(link.startswith("https://github.com/trainshed/trainshed") for link in links.values())
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.10"
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    if name == "compat_wheel":
        wanted = [f"trainshed=={VERSION}", "tomli>=2; python_version < '3.11'"]
        assert [each.replace('"', "'") for each in told.get_all("Requires-Dist", [])] == wanted


def test_an_index_would_take_it(release: Release, module_home: Path) -> None:
    check = ("run", "-q", "--no-project", "--python", sys.executable, "--with", "twine", "--with", "trove-classifiers")
    uv(module_home, *check, "python", "-m", "twine", "check", "--strict", *release)
    known = (
        "import sys, email, zipfile, trove_classifiers\n"
        "for wheel in sys.argv[1:]:\n"
        "    opened = zipfile.ZipFile(wheel)\n"
        "    path, = (name for name in opened.namelist() if name.endswith('METADATA'))\n"
        "    told = email.message_from_bytes(opened.read(path)).get_all('Classifier')\n"
        "    assert set(told) <= trove_classifiers.classifiers, set(told) - trove_classifiers.classifiers\n"
    )
    uv(module_home, *check, "python", "-c", known, release.wheel, release.compat_wheel)


def test_the_wheel_alone_runs_a_script(python: Path, project: Path, workspace: object) -> None:
    (project / "train.py").write_text(
        "from azureml.core import Run\nRun.get_context().log('x', 1.5)\nopen('outputs/y.txt', 'w').write('y')\n"
    )
    command = str(python.parent / "trainshed")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def say(*words: str) -> str:
        done = subprocess.run([command, *words], env=env, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert say("--version").split() == ["trainshed", VERSION]
    say("submit", ".", "--script", "train.py", "--follow")
    assert "1.5" in say("metrics", "@last")
    assert "outputs/y.txt" in say("files", "@last")
    say("service", "stop")


def test_import_needs_no_extra(python: Path) -> None:
    code = "import trainshed; [getattr(trainshed, name) for name in trainshed.__all__]"
    subprocess.run([python, "-I", "-c", code], check=True)


def test_both_wheels_give_the_names_of_v1(release: Release, module_home: Path, tmp_path: Path) -> None:
    both = install(module_home, tmp_path / "venv", [release.wheel, release.compat_wheel])
    code = "from azureml.train.estimator import Estimator; import trainshed; assert Estimator is trainshed.Estimator"
    subprocess.run([both, "-I", "-c", code], check=True)
