"""Environments, built for real: by uv from the package index, by py-rattler from a channel made here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from trainshed.environments import prepare
from trainshed.environments.interpreters import everything
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.environment import EnvironmentSpec

pytest.importorskip("rattler")
SITES = [path for path in sys.path if path.endswith("-packages")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _ask(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_packages_from_pypi_are_there_and_cached(home: Path) -> None:
    log = io.BytesIO()
    wish = EnvironmentSpec(pip=("six==1.17.0", "azureml-defaults"))
    first = prepare(wish, home, log)
    assert _ask(first.python, "import six; print(six.__version__)") == "1.17.0"
    assert first.resolved == ("six==1.17.0",)
    assert first.notes == ("azureml-defaults is provided by Trainshed itself.",)
    assert not first.cached
    again = prepare(EnvironmentSpec(pip=("six==1.17.0",)), home, io.BytesIO())
    assert again.cached
    assert again.python == first.python
    # Nothing of the Python that built it can be seen from inside.
    assert _ask(first.python, "import importlib.util; print(importlib.util.find_spec('pytest'))") == "None"


def test_conda_packages_fall_back_to_pypi_and_say_so(home: Path) -> None:
    made = prepare(EnvironmentSpec(conda=("six=1.17", "msgpack-python")), home, io.BytesIO(), sites=[])
    assert made.solver == "uv"
    (note,) = made.notes
    assert "taken from PyPI (msgpack-python as msgpack, six)" in note
    assert "pip install 'trainshed[conda]'" in note


def test_conda_alone_refuses_without_conda(home: Path) -> None:
    with pytest.raises(EnvironmentBuildException, match="there is none here"):
        prepare(EnvironmentSpec(conda=("six",), solver="conda"), home, io.BytesIO(), sites=[])


def test_failure_tells_the_solvers_words_and_leaves_nothing(home: Path) -> None:
    wish = EnvironmentSpec(pip=("six==99.99",))
    for _ in range(2):
        log = io.BytesIO()
        with pytest.raises(EnvironmentBuildException, match=r"six==99\.99"):
            prepare(wish, home, log)
        assert b"six==99.99" in log.getvalue(), "tried anew each time"
    assert [path.name for path in (home / "environments").iterdir() if path.is_dir()] == []


def test_another_python(home: Path) -> None:
    others = [one for one in everything() if one.version[:2] != sys.version_info[:2] and one.version >= (3, 8)]
    if not others:
        pytest.skip("only one Python on this machine")
    minor = "{}.{}".format(*others[0].version)
    made = prepare(EnvironmentSpec(conda=(f"python={minor}",)), home, io.BytesIO(), sites=[])
    assert _ask(made.python, "import sys; print('%d.%d' % sys.version_info[:2])") == minor


def test_python_that_is_nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSHED_PYTHON_DOWNLOADS", "never")
    with pytest.raises(EnvironmentBuildException, match=r"Python 3\.2 is not on this node.*there is \d"):
        prepare(EnvironmentSpec(python="3.2"), home, io.BytesIO())


BUILD = """
import io, sys
from pathlib import Path
from trainshed.environments import prepare
from trainshed.spec.environment import EnvironmentSpec
print("begin", flush=True)
made = prepare(EnvironmentSpec(pip=("six",)), Path(sys.argv[1]), sys.stderr.buffer)
print(made.cached)
"""


def test_concurrent_builds_are_one(home: Path) -> None:
    builders = [
        subprocess.Popen([sys.executable, "-c", BUILD, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [builder.communicate() for builder in builders]
    assert all(builder.returncode == 0 for builder in builders), said
    assert sum(err.count(b"Making an environment") for _, err in said) == 1


def test_killed_builder_leaves_nothing_usable(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as builder:
        assert builder.stdout is not None
        builder.stdout.readline()
        os.killpg(builder.pid, signal.SIGKILL)
    assert list((home / "environments").glob("*/environment.json")) == []
    assert not prepare(EnvironmentSpec(pip=("six",)), home, io.BytesIO()).cached


def _conda_package(channel: Path, name: str, version: str, files: dict[str, str], depends: list[str]) -> None:
    """Put a package into a channel, and the channel's index in order."""
    folder = channel / "noarch"
    folder.mkdir(parents=True, exist_ok=True)
    (channel / "linux-64").mkdir(exist_ok=True)
    about = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": depends, "subdir": "noarch"}
    archive = folder / f"{name}-{version}-0.tar.bz2"
    paths = [
        {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(text.encode()).hexdigest(),
         "size_in_bytes": len(text.encode())}
        for path, text in files.items()
    ]  # fmt: skip
    content = {
        **files,
        "info/index.json": json.dumps(about),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "\n".join(files) + "\n",
    }
    with tarfile.open(archive, "w:bz2") as tar:
        for path, text in content.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            member.mode = 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    index = folder / "repodata.json"
    known = json.loads(index.read_text())["packages"] if index.exists() else {}
    raw = archive.read_bytes()
    facts = {"md5": hashlib.md5(raw).hexdigest(), "sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
    index.write_text(
        json.dumps({"info": {"subdir": "noarch"}, "packages": {**known, archive.name: {**about, **facts}}})
    )
    (channel / "linux-64" / "repodata.json").write_text(json.dumps({"info": {"subdir": "linux-64"}, "packages": {}}))


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A conda channel with a package and a Python that is this one behind a script."""
    folder = tmp_path / "channel"
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    version = "{}.{}.0".format(*sys.version_info)
    _conda_package(folder, "python", version, {"bin/python": python}, [])
    _conda_package(folder, "tool", "1.0", {"share/tool.txt": "old"}, ["python"])
    _conda_package(folder, "tool", "2.0", {"share/tool.txt": "new"}, ["python"])
    return folder.as_uri()


def test_conda_from_a_channel(home: Path, channel: str) -> None:
    log = io.BytesIO()
    made = prepare(EnvironmentSpec(conda=("tool=1.0",), channels=(channel,)), home, log, sites=SITES)
    assert made.solver == "conda", log.getvalue().decode()
    prefix = Path(made.variables["CONDA_PREFIX"])
    assert (prefix / "share" / "tool.txt").read_text() == "old"
    assert (prefix / "conda-meta" / "tool-1.0-0.json").is_file()
    assert _ask(made.python, "print(1 + 1)") == "2"
    assert "tool==1.0" in made.resolved
    assert prepare(EnvironmentSpec(conda=("tool=1.0",), channels=(channel,)), home, log, sites=SITES).cached


def test_conda_says_why_there_is_no_solution(home: Path, channel: str) -> None:
    with pytest.raises(EnvironmentBuildException, match="tool"):
        prepare(EnvironmentSpec(conda=("tool=7",), channels=(channel,)), home, io.BytesIO(), sites=SITES)


def test_silent_channel_falls_back_once_and_is_not_asked_again(home: Path, tmp_path: Path) -> None:
    wish = EnvironmentSpec(conda=("six",), channels=((tmp_path / "nowhere").as_uri(),))
    log = io.BytesIO()
    made = prepare(wish, home, log, sites=SITES)
    assert made.solver == "uv"
    assert "no conda channel" in made.notes[0]
    assert b"Solving" in log.getvalue()
    log = io.BytesIO()
    assert prepare(wish, home, log, sites=SITES).cached
    assert b"Solving" not in log.getvalue()


def test_silent_channel_is_an_error_where_conda_is_a_must(home: Path, tmp_path: Path) -> None:
    wish = EnvironmentSpec(conda=("six",), channels=((tmp_path / "nowhere").as_uri(),), solver="conda")
    with pytest.raises(EnvironmentBuildException, match="can be reached"):
        prepare(wish, home, io.BytesIO(), sites=SITES)
