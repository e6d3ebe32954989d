"""Where packages come from: real installs by uv from indexes and folders made here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from trainshed.environments import prepare
from trainshed.environments.cache import listed
from trainshed.errors import EnvironmentBuildException
from trainshed.spec.environment import EnvironmentSpec


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and no settings for pip or uv but the test's own."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) and name != "UV_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return tmp_path / "home"


def _wheel(folder: Path, version: str, name: str = "thing", needs: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    about = f"{name}-{version}.dist-info"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": f"TEXT = {version!r}\ndef main():\n    import sys\n    print(sys.prefix, TEXT)\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[console_scripts]\n{name}-tool = {name}:main\n",
        f"{about}/RECORD": "",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for each, content in files.items():
            wheel.writestr(each, content)
    return path


def _index(root: Path, version: str) -> str:
    _wheel(root / "thing", version)
    name = f"thing-{version}-py3-none-any.whl"
    (root / "thing" / "index.html").write_text(f'<a href="{name}">{name}</a>')
    return root.as_uri()


def test_console_scripts_run(home: Path, tmp_path: Path) -> None:
    _wheel(tmp_path / "wheels", "1.0")
    request = EnvironmentSpec(pip=(f"{tmp_path}/wheels/thing-1.0-py3-none-any.whl",))
    made = prepare(request, home, io.BytesIO())
    tool = os.path.join(made.path_entries[0], "thing-tool")
    assert subprocess.run([tool], capture_output=True, text=True, check=True).stdout == f"{made.prefix} 1.0\n"


def test_an_index_asked_for_replaces_the_configured_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", _index(tmp_path / "theirs", "9.0"))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", _index(tmp_path / "more", "8.0"))
    mine = _index(tmp_path / "mine", "1.0")
    made = prepare(EnvironmentSpec(pip=("thing",), index_url=mine), home, io.BytesIO())
    assert made.resolved == ("thing==1.0",)
    assert prepare(EnvironmentSpec(pip=("thing", f"-i {mine}")), home, io.BytesIO()).cached
    assert prepare(EnvironmentSpec(pip=("thing",)), home, io.BytesIO()).resolved == ("thing==9.0",)


def test_further_indexes_are_as_good_as_the_first(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _index(tmp_path / "first", "1.0"), _index(tmp_path / "second", "2.0")
    options = (f"--extra-index-url {first}",)
    made = prepare(EnvironmentSpec(pip=("thing",), index_url=second, pip_options=options), home, io.BytesIO())
    assert made.resolved == ("thing==2.0",), "the best of all, as with pip"
    monkeypatch.setenv("PIP_INDEX_URL", second)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", first)
    assert prepare(EnvironmentSpec(pip=("thing",)), home, io.BytesIO()).resolved == ("thing==2.0",)


def test_no_index_and_a_folder_and_a_retry_after_failure(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "wheels").mkdir()
    request = EnvironmentSpec(pip=("thing",))
    with pytest.raises(EnvironmentBuildException, match="thing") as failed:
        prepare(request, home, io.BytesIO())
    assert failed.value.details["command"] == "uv pip"
    assert failed.value.details["exit_code"] != 0
    _wheel(tmp_path / "wheels", "1.0")
    assert prepare(request, home, io.BytesIO()).resolved == ("thing==1.0",)


def test_pre_releases_are_taken_when_asked_for(home: Path, tmp_path: Path) -> None:
    _wheel(tmp_path / "wheels", "1.0")
    _wheel(tmp_path / "wheels", "2.0rc1")
    options = (f"--find-links {tmp_path}/wheels", "--index-url " + _index(tmp_path / "index", "0.1"))
    made = prepare(EnvironmentSpec(pip=("thing",), pip_options=options), home, io.BytesIO())
    assert made.resolved == ("thing==1.0",)
    made = prepare(EnvironmentSpec(pip=("thing", "--pre"), pip_options=options), home, io.BytesIO())
    assert made.resolved == ("thing==2.0rc1",)


def test_passwords_stay_where_they_are(home: Path, tmp_path: Path) -> None:
    secret = "http://me:hush@127.0.0.1:9/simple"
    log = io.BytesIO()
    with pytest.raises(EnvironmentBuildException) as failed:
        prepare(EnvironmentSpec(pip=("thing",), index_url=secret, pip_options=("--trusted-host h",)), home, log)
    assert "thing" in str(failed.value)
    assert "hush" not in str(failed.value) + json.dumps(failed.value.details) + log.getvalue().decode()
    _wheel(tmp_path / "wheels", "1.0")
    options = (f"--extra-index-url {secret}",)
    request = EnvironmentSpec(pip=(f"{tmp_path}/wheels/thing-1.0-py3-none-any.whl",), pip_options=options)
    made = prepare(request, home, log)
    assert made.prefix is not None
    kept = [path for path in made.prefix.rglob("*") if path.is_file() and b"hush" in path.read_bytes()]
    assert kept == []
    assert "hush" not in json.dumps(listed(home)) + log.getvalue().decode()


def test_no_package_of_sdk_v1_is_installed_whoever_asks_for_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    theirs = _wheel(wheels, "1.0", "azureml_core")
    _wheel(wheels, "1.0", "thing", needs="azureml-core>=1")
    for name in ("jsonpickle", "python_dateutil", "pytz", "requests", "ruamel_yaml"):
        _wheel(wheels, "1.0", name)
    for asked in ("azureml-core==1.0", str(theirs), f"azureml-core @ {theirs.as_uri()}", "AzureML.Core"):
        made = prepare(EnvironmentSpec(pip=("thing", asked)), home, io.BytesIO())
        names = [each.partition("==")[0] for each in made.resolved]
        assert names == ["jsonpickle", "python-dateutil", "pytz", "requests", "ruamel-yaml", "thing"], asked
        assert made.notes[0].startswith(f"In place of {asked} (SDK v1), these packages are installed: jsonpickle, ")
    # Nor does another package bring it.
    assert prepare(EnvironmentSpec(pip=("thing",)), home, io.BytesIO()).resolved == ("thing==1.0",)


def test_hashes_of_requirements_are_checked(home: Path, tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "wheels", "1.0")
    right, wrong = hashlib.sha256(wheel.read_bytes()).hexdigest(), "0" * 64
    options = ("--find-links " + str(tmp_path / "wheels"), "--index-url " + _index(tmp_path / "index", "0.1"))
    good = EnvironmentSpec(pip=(f"thing==1.0 --hash=sha256:{wrong} --hash=sha256:{right}",), pip_options=options)
    assert prepare(good, home, io.BytesIO()).resolved == ("thing==1.0",)
    bad = EnvironmentSpec(pip=(f"thing==1.0 --hash=sha256:{wrong}",), pip_options=options)
    with pytest.raises(EnvironmentBuildException, match=r"(?i)hash"):
        prepare(bad, home, io.BytesIO())
