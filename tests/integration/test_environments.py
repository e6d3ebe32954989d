"""Environments, built for real: by uv from the package index, by py-rattler from a channel made here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainshed.environments import listed, prepare
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
    request = EnvironmentSpec(pip=("six==1.17.0", "azureml-dataprep-native"))
    first = prepare(request, home, log)
    assert _ask(first.python, "import six; print(six.__version__)") == "1.17.0"
    assert first.resolved == ("six==1.17.0",)
    assert first.notes == ("azureml-dataprep-native (SDK v1) is left out.",)
    assert not first.cached
    again = prepare(EnvironmentSpec(pip=("six==1.17.0",)), home, io.BytesIO())
    assert again.cached
    assert again.python == first.python
    # Nothing of the Python that built it can be seen from inside.
    assert _ask(first.python, "import importlib.util; print(importlib.util.find_spec('pytest'))") == "None"


def test_conda_packages_fall_back_to_pypi_and_say_so(home: Path) -> None:
    made = prepare(EnvironmentSpec(conda=("six=1.17", "msgpack-python", "pip")), home, io.BytesIO(), sites=[])
    assert made.solver == "uv"
    # As with conda's pip, where old packages look for pkg_resources.
    with_setuptools = sys.version_info < (3, 12)
    assert any(each.startswith("setuptools==") for each in made.resolved) == with_setuptools
    (note,) = made.notes
    assert "installed from PyPI (msgpack-python as msgpack, six)" in note
    assert "pip install py-rattler" in note


def test_conda_alone_refuses_without_conda(home: Path) -> None:
    with pytest.raises(EnvironmentBuildException, match="conda is required but not installed"):
        prepare(EnvironmentSpec(conda=("six",), solver="conda"), home, io.BytesIO(), sites=[])


def test_failure_tells_the_solvers_words_and_leaves_nothing(home: Path) -> None:
    request = EnvironmentSpec(pip=("six==99.99",))
    for _ in range(2):
        log = io.BytesIO()
        with pytest.raises(EnvironmentBuildException, match=r"six==99\.99"):
            prepare(request, home, log)
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
    with pytest.raises(EnvironmentBuildException, match=r"Python 3\.2 is not on this node.*") as error:
        prepare(EnvironmentSpec(python="3.2"), home, io.BytesIO())
    oldest = min(one.version for one in everything() if one.version[0] == 3)
    here = "{}.{}".format(*oldest)
    assert f"set TRAINSHED_PYTHON=nearest where you submit, to use the nearest version: here Python {here}" in str(
        error.value
    )
    assert len(re.findall(r"\d+\.\d+", str(error.value))) == 2, "only the nearest one is told"


def test_the_nearest_python_is_taken_when_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSHED_PYTHON_DOWNLOADS", "never")
    made = prepare(EnvironmentSpec(python="3.99", nearest_python=True), home, io.BytesIO())
    newest = max(one.version for one in everything())
    assert _ask(made.python, "import sys; print('%d.%d' % sys.version_info[:2])") == "{}.{}".format(*newest)
    text = ".".join(map(str, newest))
    assert f"Python 3.99 is not on this node; Python {text} is used instead." in made.notes


BUILD = """
import re
import sys
from pathlib import Path
from trainshed.environments import listed, prepare
from trainshed.spec.environment import EnvironmentSpec
print("begin", flush=True)
made = prepare(EnvironmentSpec(pip=tuple(sys.argv[2:])), Path(sys.argv[1]), sys.stderr.buffer)
print(made.cached, flush=True)
sys.stdin.read()  # the run, for which the environment stays held
"""


def _builder(home: Path, *pip: str) -> subprocess.Popen[bytes]:
    argv, pipe = [sys.executable, "-c", BUILD, str(home), *pip], subprocess.PIPE
    return subprocess.Popen(argv, start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe)


def test_concurrent_builds_are_one(home: Path) -> None:
    builders = [_builder(home, "six") for _ in range(4)]
    # All have theirs while all still run: nobody waits for another's run.
    answers = [[builder.stdout.readline() for _ in range(2)][1] for builder in builders]  # type: ignore[union-attr]
    said = [builder.communicate() for builder in builders]
    assert all(builder.returncode == 0 for builder in builders), said
    assert sum(err.count(b"Creating an environment") for _, err in said) == 1
    assert answers.count(b"False\n") >= 1


BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    here = os.path.dirname(os.path.abspath(__file__))
    if os.path.exists(os.path.join(here, "slow")):
        with open(os.path.join(here, "started"), "w") as started:
            started.write("now")
        with open(os.path.join(here, "slow")) as fifo:
            fifo.read()
    name = "slow-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("slow.py", "")
        wheel.writestr("slow-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n")
        wheel.writestr("slow-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slow-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "slow"
version = "1.0"
"""


def test_killed_builder_leaves_nothing_usable(home: Path, tmp_path: Path) -> None:
    """Killed for certain in the midst of it: uv builds a package whose build waits for us."""
    project = tmp_path / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "backend.py").write_text(BACKEND)
    os.mkfifo(project / "slow")
    os.mkfifo(project / "started")
    request = f"slow @ {project.as_uri()}"
    with _builder(home, request) as builder:
        assert (project / "started").read_text() == "now"
        os.killpg(builder.pid, signal.SIGKILL)
    (left,) = [path for path in (home / "environments").iterdir() if path.is_dir()]
    assert (left / "bin" / "python").exists(), "it was on the way"
    assert not (left / "environment.json").exists()
    assert listed(home) == []
    (project / "slow").unlink()
    made = prepare(EnvironmentSpec(pip=(request,)), home, io.BytesIO())
    assert not made.cached
    assert made.prefix == left
    assert made.resolved == ("slow==1.0",)


def test_the_python_that_is_there(home: Path, tmp_path: Path) -> None:
    own = prepare(EnvironmentSpec(kind="existing"), home, io.BytesIO())
    assert (own.python, own.solver, own.prefix, own.key) == (sys.executable, "existing", None, "")
    link = tmp_path / "python9"
    link.symlink_to(sys.executable)
    assert prepare(EnvironmentSpec(kind="existing", interpreter=str(link)), home, io.BytesIO()).python == str(link)
    with pytest.raises(EnvironmentBuildException, match=r"'/no/python' is not on this node"):
        prepare(EnvironmentSpec(kind="existing", interpreter="/no/python"), home, io.BytesIO())
    assert not home.exists()


def test_nothing_asked_for_is_one_clean_environment_for_all(home: Path) -> None:
    made = prepare(EnvironmentSpec(), home, io.BytesIO())
    assert (made.cached, made.resolved, made.notes) == (False, (), ())
    assert _ask(made.python, "import sys; print(sys.prefix)") == made.variables["VIRTUAL_ENV"]
    assert prepare(EnvironmentSpec(pip=("azureml-dataprep-native",)), home, io.BytesIO()).key == made.key


def test_found_again_without_starting_a_program(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [one.version for one in everything() if one.version[:2] != sys.version_info[:2] and one.version >= (3, 8)]
    requests = [EnvironmentSpec(), *(EnvironmentSpec(python="{}.{}".format(*version)) for version in others[:1])]
    first = [prepare(request, home, io.BytesIO()) for request in requests]
    monkeypatch.setattr(subprocess, "Popen", None)
    again = [prepare(request, home, io.BytesIO()) for request in requests]
    assert [one.key for one in again] == [one.key for one in first]
    assert all(one.cached for one in again)


def _conda_package(channel: Path, name: str, version: str, files: dict[str, str], depends: list[str]) -> None:
    """Put a package into a channel, and the channel's index in order. A file that is ``-> x`` is a link to x."""
    folder = channel / "noarch"
    folder.mkdir(parents=True, exist_ok=True)
    (channel / "linux-64").mkdir(exist_ok=True)
    about = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": depends, "subdir": "noarch"}
    archive = folder / f"{name}-{version}-0.tar.bz2"
    paths = [
        {"_path": path, "path_type": "softlink" if text.startswith("-> ") else "hardlink",
         "sha256": hashlib.sha256(text.encode()).hexdigest(), "size_in_bytes": len(text.encode())}
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
            if text.startswith("-> "):
                member.type, member.linkname, member.size = tarfile.SYMTYPE, text[3:], 0
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
    """A conda channel with packages and a Python: this one, linked, which takes the prefix for its own."""
    folder = tmp_path / "channel"
    base = os.path.realpath(sys.executable)
    version = "{}.{}.0".format(*sys.version_info)
    python = {"bin/python": f"-> {base}", "pyvenv.cfg": f"home = {os.path.dirname(base)}\nversion = {version}\n"}
    _conda_package(folder, "python", version, python, [])
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


def test_pip_packages_on_top_of_condas(home: Path, channel: str) -> None:
    log = io.BytesIO()
    request = EnvironmentSpec(conda=("tool=2",), pip=("six==1.17.0",), channels=(channel,))
    made = prepare(request, home, log, sites=SITES)
    assert made.solver == "conda", log.getvalue().decode()
    assert {"six==1.17.0", "tool==2.0"} <= set(made.resolved)
    where = _ask(made.python, "import six, sys; print(six.__file__, sys.prefix)")
    assert where.count(str(made.prefix)) == 2
    assert listed(home)[0]["tool"] == "py-rattler"


def test_condas_python_is_the_one_asked_for(home: Path, channel: str) -> None:
    request = EnvironmentSpec(conda=("tool", "python=2.7.18"), channels=(channel,), solver="conda")
    with pytest.raises(EnvironmentBuildException, match=r"python.*2\.7\.18"):
        prepare(request, home, io.BytesIO(), sites=SITES)


def test_conda_takes_an_older_python_where_none_is_named(home: Path, channel: str) -> None:
    older = [one for one in everything() if (3, 8) <= one.version[:2] < sys.version_info[:2]]
    if not older:
        pytest.skip("there is no older Python on this machine")
    old = max(older, key=lambda one: one.version)
    base = os.path.realpath(old.path)
    files = {"bin/python": f"-> {base}", "pyvenv.cfg": f"home = {os.path.dirname(base)}\nversion = {old.text}\n"}
    folder = Path(channel.removeprefix("file://"))
    _conda_package(folder, "python", old.text, files, [])
    _conda_package(folder, "aged", "0.22.1", {"share/aged.txt": "old"}, [f"python={old.text}"])
    made = prepare(EnvironmentSpec(conda=("aged",), channels=(channel,)), home, io.BytesIO(), sites=SITES)
    assert (made.solver, _ask(made.python, "import sys; print('%d.%d.%d' % sys.version_info[:3])")) == (
        "conda",
        old.text,
    )
    assert f"so Python {old.text} is used" in made.notes[0]
    named = EnvironmentSpec(conda=("aged", "python={}.{}".format(*sys.version_info)), channels=(channel,))
    with pytest.raises(EnvironmentBuildException, match="aged"):
        prepare(named, home, io.BytesIO(), sites=SITES)


def test_conda_says_why_there_is_no_solution(home: Path, channel: str) -> None:
    log = io.BytesIO()
    with pytest.raises(EnvironmentBuildException, match="tool") as failed:
        prepare(EnvironmentSpec(conda=("tool=7",), channels=(channel,)), home, log, sites=SITES)
    assert failed.value.details["command"] == "py-rattler create"
    assert "Traceback" not in log.getvalue().decode()
    assert "RuntimeWarning" not in log.getvalue().decode()


def test_what_conda_cannot_read_is_said_without_a_traceback(home: Path) -> None:
    log = io.BytesIO()
    request = EnvironmentSpec(conda=("six",), channels=("http://[bad",), solver="conda")
    with pytest.raises(EnvironmentBuildException):
        prepare(request, home, log, sites=SITES)
    assert "Traceback" not in log.getvalue().decode()


def test_silent_channel_falls_back_once_and_is_not_asked_again(home: Path, tmp_path: Path) -> None:
    request = EnvironmentSpec(conda=("six",), channels=((tmp_path / "nowhere").as_uri(),))
    log = io.BytesIO()
    made = prepare(request, home, log, sites=SITES)
    assert made.solver == "uv"
    assert "no conda channel" in made.notes[0]
    assert b"Solving" in log.getvalue()
    log = io.BytesIO()
    assert prepare(request, home, log, sites=SITES).cached
    assert b"Solving" not in log.getvalue()


def test_a_channel_that_speaks_again_is_asked_again(home: Path, channel: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (tmp_path / "channel").rename(moved)
    request = EnvironmentSpec(conda=("tool", "nodejs"), channels=(channel,))
    with pytest.raises(
        EnvironmentBuildException, match=r"'nodejs' is not a Python package.*no conda channel .* reached"
    ):
        prepare(request, home, io.BytesIO(), sites=SITES)
    moved.rename(tmp_path / "channel")
    (home / "conda-backoff.json").unlink()  # as if ten minutes had passed
    assert prepare(EnvironmentSpec(conda=("tool",), channels=(channel,)), home, io.BytesIO(), sites=SITES)[5] == "conda"


def test_packages_that_only_conda_has(home: Path) -> None:
    for solver in ("auto", "pypi"):
        with pytest.raises(
            EnvironmentBuildException, match="'cudatoolkit' is not a Python package and is only available from conda"
        ):
            prepare(EnvironmentSpec(conda=("cudatoolkit=11.3",), solver=solver), home, io.BytesIO(), sites=[])


def test_pypi_only_says_the_names_and_advises_nothing(home: Path) -> None:
    made = prepare(EnvironmentSpec(conda=("msgpack-python",), solver="pypi"), home, io.BytesIO(), sites=SITES)
    assert made.notes == ("conda_packages are installed from PyPI (msgpack-python as msgpack).",)


MICROMAMBA = """#!/bin/sh
echo "$@" > {told}
{reply}
while [ "$1" != -p ]; do shift; done
mkdir -p "$2/bin" "$2/conda-meta"
ln -s {python} "$2/bin/python"
echo '{{}}' > "$2/conda-meta/six-1.17.0-0.json"
"""


@pytest.fixture
def micromamba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A stand-in for the program, which is in no package index: it shows what we tell it and how we take its reply."""

    def install(reply: str) -> Path:
        program = tmp_path / "programs" / "micromamba"
        program.parent.mkdir()
        program.write_text(MICROMAMBA.format(told=tmp_path / "told", reply=reply, python=sys.executable))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return tmp_path / "told"

    return install


def test_a_conda_program_found_on_the_machine(home: Path, micromamba: Callable[[str], Path]) -> None:
    told = micromamba("")
    made = prepare(EnvironmentSpec(conda=("six", "python=3.9"), channels=("a", "b")), home, io.BytesIO(), sites=[])
    assert (made.solver, made.resolved) == ("conda", ("six==1.17.0",))
    assert told.read_text() == f"create -y -p {made.prefix} --override-channels -c a -c b python=3.9 six\n"


def test_a_conda_program_that_finds_no_channel(home: Path, micromamba: Callable[[str], Path]) -> None:
    micromamba("echo 'error    Could not resolve hostname'; exit 1")
    made = prepare(EnvironmentSpec(conda=("six",)), home, io.BytesIO(), sites=[])
    assert made.solver == "uv"
    assert "no conda channel (conda-forge) can be reached" in made.notes[0]


def test_silent_channel_is_an_error_where_conda_is_a_must(home: Path, tmp_path: Path) -> None:
    request = EnvironmentSpec(conda=("six",), channels=((tmp_path / "nowhere").as_uri(),), solver="conda")
    with pytest.raises(EnvironmentBuildException, match="can be reached"):
        prepare(request, home, io.BytesIO(), sites=SITES)
